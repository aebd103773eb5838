{# Dense synapses read the event space directly: there is no queue to fill. #}
{# USES_VARIABLES { N } #}
{% extends 'common_group.cpp' %}

{% block maincode %}
{% endblock %}

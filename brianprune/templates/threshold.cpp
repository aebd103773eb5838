{# Thresholds block by block: the comparison is vectorised, and only a block in which a neuron
   crossed is looked at neuron by neuron. The condition is Brian2's own generated code. #}
{# USES_VARIABLES { N } #}
{% extends 'common_group.cpp' %}

{% block maincode %}
    // scalar code
    const int _vectorisation_idx = -1;
    {{scalar_code|autoindent}}
    {% set _eventspace = get_array_name(eventspace_variable) %}
    long _count = 0;
    for(size_t _first=0; _first<N; _first+=64)
    {
        const size_t _last = std::min(_first + 64, (size_t)N);
        int64_t _n_crossed = 0;
        for(size_t _idx=_first; _idx<_last; _idx++)
        {
            const size_t _vectorisation_idx = _idx;
            {{vector_code|autoindent}}
            _n_crossed += _cond ? 1 : 0;
        }
        if(_n_crossed == 0)
            continue;
        for(size_t _idx=_first; _idx<_last; _idx++)
        {
            const size_t _vectorisation_idx = _idx;
            {{vector_code|autoindent}}
            if(_cond)
            {
                {{_eventspace}}[_count++] = _idx;
                {% if _uses_refractory %}
                {{not_refractory}}[_idx] = false;
                {{lastspike}}[_idx] = {{t}};
                {% endif %}
            }
        }
    }
    {{_eventspace}}[N] = _count;
{% endblock %}

{% block after_code %}
    {% set _eventspace = get_array_name(eventspace_variable) %}
    {{_eventspace}}[N] = 0;
{% endblock %}

{# Dense all-to-all synapses without delay, stored source by source: walk the row (or
   column) of each neuron that spiked. No spike queue, no index arrays; the loop body is
   Brian2's own generated code. #}
{% extends 'common_synapses.cpp' %}

{% block maincode %}
    // scalar code
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}
    {% set _eventspace = get_array_name(pathway.source.variables[pathway.eventspace_name]) | replace('_ptr_array', '_array') %}
    const int32_t _n_pre = {{len(pathway.synapses.source)}};
    const int32_t _n_post = {{len(pathway.synapses.target)}};
    const int32_t _n_events = {{_eventspace}}[{{len(pathway.source)}}];
    for(int32_t _event=0; _event<_n_events; _event++)
    {
    {% if pathway.prepost == 'pre' %}
        const int32_t _row = {{_eventspace}}[_event];
        for(int32_t _column=0; _column<_n_post; _column++)
    {% else %}
        const int32_t _column = {{_eventspace}}[_event];
        for(int32_t _row=0; _row<_n_pre; _row++)
    {% endif %}
        {
            const int32_t _idx = _row*_n_post + _column;
            const size_t _vectorisation_idx = _idx;
            {{dense_indices(vector_code)|autoindent}}
        }
    }
{% endblock %}

{% block extra_functions_cpp %}
{% endblock %}

{% block extra_functions_h %}
{% endblock %}

{% macro main_finalise() -%}
{% endmacro %}

{# Statements over all synapses of a dense matrix, row by row; or over neurons, some variables of
   which are stepped only where one of them is not 0. #}
{# USES_VARIABLES { N } #}
{# ALLOWS_SCALAR_WRITE #}
{% extends 'common_group.cpp' %}

{% block maincode %}
    const size_t _vectorisation_idx = -1;
    {% if vector_code is mapping %}
    {
        {{scalar_code['dense']|autoindent}}
        for(int _idx=0; _idx<N; _idx++)
        {
            const size_t _vectorisation_idx = _idx;
            {{vector_code['dense']|autoindent}}
        }
    }
    {% set _spikes = get_array_name(owner.variables['_spikespace']) | replace('_ptr_array', '_array') %}
    static segment::Touched _touched(N);
    _touched.update({{_spikes}}, {{_spikes}}[N], [=](int32_t _k) {
        return {{nonzero(arrays_of(owner), '_k', ' || ')}}; });
    {{scalar_code['sparse']|autoindent}}
    for(const int32_t _idx : _touched.indices)
    {
        const size_t _vectorisation_idx = _idx;
        {{vector_code['sparse']|autoindent}}
    }
    {% else %}
    // scalar code
    {{scalar_code|autoindent}}
    const int32_t _n_pre = {{len(owner.source)}};
    const int32_t _n_post = {{len(owner.target)}};
    for(int32_t _row=0; _row<_n_pre; _row++)
    {
        for(int32_t _column=0; _column<_n_post; _column++)
        {
            const int32_t _idx = _row*_n_post + _column;
            const size_t _vectorisation_idx = _idx;
            {{dense_indices(vector_code)|autoindent}}
        }
    }
    {% endif %}
{% endblock %}

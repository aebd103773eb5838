{# Statements over all synapses of a dense matrix, row by row. #}
{# USES_VARIABLES { N } #}
{# ALLOWS_SCALAR_WRITE #}
{% extends 'common_group.cpp' %}

{% block maincode %}
    // scalar code
    const size_t _vectorisation_idx = -1;
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
{% endblock %}

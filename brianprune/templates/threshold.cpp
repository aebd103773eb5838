{# Thresholds block by block: the comparison is vectorised, and only a block in which a neuron
   crossed is looked at neuron by neuron; of a group with marks, only the neurons marked are.
   The condition is Brian2's own generated code. #}
{# USES_VARIABLES { N } #}
{% extends 'common_group.cpp' %}

{% block maincode %}
    {% set _eventspace = get_array_name(eventspace_variable) %}
    long _count = 0;
    // scalar code
    const int _vectorisation_idx = -1;
    {{scalar_code['all']|autoindent}}
    {% if 'named' in vector_code %}
    int64_t _only;
    {
        {{scalar_code['named']|autoindent}}
        {{vector_code['named']|autoindent}}
        _only = _named;
    }
    for(int64_t _idx=_only; _idx==_only && _idx>=0 && _idx<(int64_t)N; _idx++)
    {
        const size_t _vectorisation_idx = _idx;
    {% else %}
    {% if owner.thresholder[eventspace_variable.name[1:-5]].codeobj_class.marked %}
    static std::vector<uint64_t>& _marked = segment::marked("{{owner.name}}", N);
    {% set _is_marked = True %}
    {% else %}
    {% set _is_marked = False %}
    {% endif %}
    {% if _is_marked %}
    for(size_t _first=64*segment::next_marked(_marked, 0); _first<N; _first=64*segment::next_marked(_marked, _first/64 + 1))
    {
        uint64_t _looked_at = _marked[_first/64];
    {% else %}
    for(size_t _first=0; _first<N; _first+=64)
    {
    {% endif %}
        const size_t _last = std::min(_first + 64, (size_t)N);
        {% if _is_marked %}
        if(_looked_at == ~(uint64_t)0)
        {% endif %}
        {
            int32_t _n_crossed = 0;
            {{scalar_code['first']|autoindent}}
            for(size_t _idx=_first; _idx<_last; _idx++)
            {
                const size_t _vectorisation_idx = _idx;
                {{vector_code['first']|autoindent}}
                _n_crossed += _cond ? 1 : 0;
            }
            if(_n_crossed == 0)
            {
                {% if _is_marked %}
                _marked[_first/64] = 0;
                {% endif %}
                continue;
            }
        }
        {% if _is_marked %}
        // of these one by one; marked stays who is above now
        uint64_t _above = 0;
        for(; _looked_at; _looked_at &= _looked_at - 1)
        {
            const size_t _idx = _first + __builtin_ctzll(_looked_at);
            if(_idx >= _last)
                break;
            const size_t _vectorisation_idx = _idx;
            {
                {{scalar_code['first']|autoindent}}
                {{vector_code['first']|autoindent}}
                if(!_cond)
                    continue;
            }
            _above |= _looked_at & -_looked_at;
        {% else %}
        for(size_t _idx=_first; _idx<_last; _idx++)
        {
            const size_t _vectorisation_idx = _idx;
        {% endif %}
    {% endif %}
            {{vector_code['all']|autoindent}}
            if(_cond)
            {
                {{_eventspace}}[_count++] = _idx;
                {% if _uses_refractory %}
                {{not_refractory}}[_idx] = false;
                {{lastspike}}[_idx] = {{t}};
                {% endif %}
            }
    {% if 'named' in vector_code %}
    }
    {% else %}
        }
        {% if _is_marked %}
        _marked[_first/64] = _above;
        {% endif %}
    }
    {% endif %}
    {{_eventspace}}[N] = _count;
{% endblock %}

{% block after_code %}
    {% set _eventspace = get_array_name(eventspace_variable) %}
    {{_eventspace}}[N] = 0;
{% endblock %}

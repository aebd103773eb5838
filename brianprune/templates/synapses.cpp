{# Synapses without delay, stored source by source: walk the row (or, of a dense matrix, the
   column) of each neuron that spiked. No spike queue; a dense matrix, or a row with all
   synapses, needs no index arrays either. The loop body is Brian2's own generated code. #}
{# USES_VARIABLES { _synaptic_pre, _synaptic_post } #}
{% extends 'common_synapses.cpp' %}
{% set _sparse = pathway.synapses.codeobj_class.__name__ == 'SparseSynapses' %}

{% block maincode %}
    const size_t _vectorisation_idx = -1;
    {% if vector_code is not mapping %}
    // scalar code
    {{scalar_code|autoindent}}
    {% endif %}
    {% set _eventspace = get_array_name(pathway.source.variables[pathway.eventspace_name]) | replace('_ptr_array', '_array') %}
    const int32_t _n_pre = {{len(pathway.synapses.source)}};
    const int32_t _n_post = {{len(pathway.synapses.target)}};
    const int32_t _n_events = {{_eventspace}}[{{len(pathway.source)}}];
    {% if _sparse and pathway.prepost == 'post' %}
    #error SparseSynapses have no pathway of postsynaptic spikes: use DenseSynapses
    {% elif _sparse %}
    static std::vector<int32_t> _first;  // synapse of each source, and the end
    static int32_t _each = 0;  // synapses of every source; -1: they differ
    static std::vector<char> _whole;  // rows with a synapse to every target, in order
    static bool _some_whole = false;
    // rows of one length with neighbours as targets, the first of a row by arithmetic
    static bool _is_regular = false;
    static int32_t _alike = 1, _further = 0;  // rows with the same targets; how far on are the next rows'
    if (_first.empty())
    {
        _first.assign(_n_pre + 1, 0);
        for(size_t _k=0; _k<{{_dynamic__synaptic_pre}}.size(); _k++)
            _first[{{_dynamic__synaptic_pre}}[_k] + 1]++;
        _each = _first[1];
        _whole.assign(_n_pre, 0);
        for(int32_t _row=0; _row<_n_pre; _row++)
        {
            const int32_t _length = _first[_row + 1];
            if (_length != _each)
                _each = -1;
            _first[_row + 1] += _first[_row];
            bool _all = _length == _n_post;
            for(int32_t _column=0; _all && _column<_n_post; _column++)
                _all = {{_dynamic__synaptic_post}}[_first[_row] + _column] == _column;
            _whole[_row] = _all;
            _some_whole = _some_whole || _all;
        }
        if (_each > 0)
        {
            const int32_t* _post = {{_dynamic__synaptic_post}}.data();
            while (_alike < _n_pre && _post[_alike*_each] == _post[0])
                _alike++;
            _further = _alike < _n_pre ? _post[_alike*_each] - _post[0] : 0;
            _is_regular = true;
            for(int32_t _row=0; _is_regular && _row<_n_pre; _row++)
                for(int32_t _k=0; _k<_each; _k++)
                    _is_regular = _is_regular && _post[_row*_each + _k] == _post[0] + _row/_alike*_further + _k;
        }
    }
    {% if pathway.codeobj_class.marks %}
    static std::vector<uint64_t>& _marked = segment::marked("{{pathway.synapses.target.name}}", _n_post);
    {% endif %}
    {% set _code = vector_code['target'] if vector_code is mapping else vector_code %}
    {% if vector_code is mapping %}
    {{scalar_code['target']|autoindent}}
    {% endif %}
    const auto _first_of = [](int32_t _row) { return _each < 0 ? _first[_row] : _row*_each; };
    const auto _first_target_of = [](int32_t _row) { return {{_dynamic__synaptic_post}}[0] + _row/_alike*_further; };
    const bool _is_long = _first[_n_pre] > 8*_n_pre;
    for(int32_t _event=0; _event<_n_events;)
    {
        // whole rows, those of several spikes in one walk over the targets
        {% for _rows in ((4, 2, 1) if vector_code is mapping else (1,)) %}
        if(_some_whole && _event + {{_rows}} <= _n_events{% for _k in range(_rows) %} && _whole[{{_eventspace}}[_event + {{_k}}]]{% endfor %})
        {
            {% for _k in range(_rows) %}
            const int32_t _row_{{_k}} = {{_eventspace}}[_event + {{_k}}], _first_{{_k}} = _first[_row_{{_k}}];
            {% endfor %}
            for(int32_t _column=0; _column<_n_post; _column++)
            {
                {% for _k in range(_rows) %}
                {
                    const int32_t _row = _row_{{_k}};
                    const int32_t _idx = _first_{{_k}} + _column;
                    const size_t _vectorisation_idx = _idx;
                    {{dense_indices(_code)|autoindent}}
                }
                {% endfor %}
            }
            {% if pathway.codeobj_class.marks %}
            segment::mark_all(_marked);
            {% endif %}
            _event += {{_rows}};
            continue;
        }
        {% endfor %}
        const int32_t _row = {{_eventspace}}[_event];
        // rows and what they change lie anywhere in memory: ask for what is needed soon
        {% set _rows_arrays = arrays_at('_idx', variables, variable_indices) %}
        if(_is_long && _event + 2 < _n_events)
        {
            const int32_t _begin = _first[{{_eventspace}}[_event + 2]];
            const int32_t _end = std::min(_first[{{_eventspace}}[_event + 2] + 1], _begin + 256);
            for(int32_t _idx=_begin; _idx<_end; _idx+=16)
            {
                {% for _array in _rows_arrays %}
                __builtin_prefetch(&{{_array}}[_idx]);
                {% endfor %}
            }
        }
        else if(!_is_long && _event + 8 < _n_events)
        {
            if(_each < 0 && _event + 32 < _n_events)
                __builtin_prefetch(&_first[{{_eventspace}}[_event + 32]]);
            const int32_t _near = _first_of({{_eventspace}}[_event + 8]);
            if(_near < _first[_n_pre])
            {
                const int32_t _column = _is_regular ? _first_target_of({{_eventspace}}[_event + 8])
                                                    : {{_dynamic__synaptic_post}}[_near];
                {% for _array in arrays_at('_postsynaptic_idx', variables, variable_indices) %}
                __builtin_prefetch(&{{_array}}[_column]);
                {% endfor %}
            }
            if(_event + 16 < _n_events)
            {
                const int32_t _row = {{_eventspace}}[_event + 16], _idx = _first_of(_row);
                {% for _array in _rows_arrays %}
                {{'if(!_is_regular) ' if _array.endswith('__synaptic_post')}}__builtin_prefetch(&{{_array}}[_idx]);
                {% endfor %}
                {% for _array in arrays_at('_presynaptic_idx', variables, variable_indices) %}
                __builtin_prefetch(&{{_array}}[_row]);
                {% endfor %}
            }
        }
        const int32_t _begin = _first_of(_row), _end = _first_of(_row + 1);
        {% for _target in ('_target + (_idx - _begin)', _synaptic_post ~ '[_idx]') %}
        {% if loop.first %}
        if(_is_regular)
        {
            const int32_t _target = _first_target_of(_row);
        {% else %}
        else
        {
        {% endif %}
            for(int32_t _idx=_begin; _idx<_end; _idx++)
            {
                const size_t _vectorisation_idx = _idx;
                const int32_t _target_of_synapse = {{_target}};
                {{row_index(_code)|autoindent}}
                {% if pathway.codeobj_class.marks is string %}
                if({{pathway.codeobj_class.marks}})
                    segment::mark(_marked, _target_of_synapse);
                {% elif pathway.codeobj_class.marks %}
                segment::mark(_marked, _target_of_synapse);
                {% endif %}
            }
        }
        {% endfor %}
        _event++;
    }
    {% elif vector_code is mapping %}
    {# of all synapses what a spike does to the target, of those that it can change the rest #}
    {% set _source, _target = pathway.synapses.source, pathway.synapses.target %}
    {% set _of_rows, _of_columns = zeros_of(pathway) %}
    {% if pathway.prepost == 'pre' and _of_columns %}
    {% set _spikes = get_array_name(_target.variables['_spikespace']) | replace('_ptr_array', '_array') %}
    static segment::Touched _touched(_n_post);
    _touched.update({{_spikes}}, {{_spikes}}[_n_post], [=](int32_t _k) {
        return {{nonzero(_of_columns, '_k')}}; });
    {% endif %}
    {% if 'target' in vector_code %}
    {
        {{scalar_code['target']|autoindent}}
        // several rows in one walk over the targets: each is read and written once
        {% for _rows in (4, 2, 1) %}
        {% if loop.first %}
        int32_t _event = 0;
        {% endif %}
        for(; _event + {{_rows}} <= _n_events; _event += {{_rows}})
            for(int32_t _column=0; _column<_n_post; _column++)
            {
                {% for _k in range(_rows) %}
                {
                    const int32_t _row = {{_eventspace}}[_event + {{_k}}];
                    const int32_t _idx = _row*_n_post + _column;
                    const size_t _vectorisation_idx = _idx;
                    {{dense_indices(vector_code['target'])|autoindent}}
                }
                {% endfor %}
            }
        {% endfor %}
    }
    {% endif %}
    {% if 'synapse' in vector_code %}
    for(int32_t _event=0; _event<_n_events; _event++)
    {
        const int32_t _{{'row' if pathway.prepost == 'pre' else 'column'}} = {{_eventspace}}[_event];
        {{scalar_code['synapse']|autoindent}}
        {% if pathway.prepost == 'pre' %}
        {% if _of_rows %}
        if(!({{nonzero(_of_rows, '_row')}}))
            continue;
        {% endif %}
        {% if _of_columns %}
        for(const int32_t _column : _touched.indices)
        {% else %}
        for(int32_t _column=0; _column<_n_post; _column++)
        {% endif %}
        {
        {% else %}
        {% if _of_columns %}
        if(!({{nonzero(_of_columns, '_column')}}))
            continue;
        {% endif %}
        {% if _of_rows %}
        for(int32_t _first=0; _first<_n_pre; _first+=32)
        {
        const int32_t _last = std::min(_first + 32, _n_pre);
        int32_t _n_nonzero = 0;
        for(int32_t _row=_first; _row<_last; _row++)
            _n_nonzero += {{nonzero(_of_rows, '_row')}} ? 1 : 0;
        if(_n_nonzero == 0)
            continue;
        for(int32_t _row=_first; _row<_last; _row++)
        {
            if(!({{nonzero(_of_rows, '_row')}}))
                continue;
        {% else %}
        for(int32_t _row=0; _row<_n_pre; _row++)
        {
        {% endif %}
        {% endif %}
            const int32_t _idx = _row*_n_post + _column;
            const size_t _vectorisation_idx = _idx;
            {{dense_indices(vector_code['synapse'])|autoindent}}
        }
        {% if pathway.prepost == 'post' and _of_rows %}
        }
        {% endif %}
    }
    {% endif %}
    {% else %}
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
    {% endif %}
{% endblock %}

{% block extra_functions_cpp %}
{% endblock %}

{% block extra_functions_h %}
{% endblock %}

{% macro main_finalise() -%}
{% endmacro %}

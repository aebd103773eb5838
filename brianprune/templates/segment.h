// State in and state out of a compiled network: one file an array.
#ifndef BRIANPRUNE_SEGMENT_H
#define BRIANPRUNE_SEGMENT_H

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <map>
#include <new>
#include <string>
#include <type_traits>
#include <vector>

#include "poisson.h"

namespace segment {

inline void fail(const std::string& what)
{
    std::cerr << what << std::endl;
    std::_Exit(3);
}

inline std::string path(const std::string& folder, const char* name)
{
    return folder + "/" + name;
}

// Files as bytes: compiled once and for their size, not for each type of element.
#define BRIANPRUNE_COLD __attribute__((cold, noinline))

// Number of elements of a file; -1: it is not there.
BRIANPRUNE_COLD inline int64_t length_of(const std::string& file, size_t element)
{
    std::ifstream stream(file, std::ios::binary | std::ios::ate);
    return stream.is_open() ? (int64_t)stream.tellg()/(int64_t)element : -1;
}

// Read n elements; one fills the array, and a file that is not there leaves it.
BRIANPRUNE_COLD inline void read_bytes(const std::string& file, char* data, size_t n, size_t element)
{
    const int64_t given = length_of(file, element);
    if (given < 0)
        return;
    if (given != (int64_t)n && given != 1)
        fail(file + ": wrong number of elements: " + std::to_string(given) + ", not "
             + std::to_string(n));
    std::ifstream stream(file, std::ios::binary);
    stream.read(data, std::min(given, (int64_t)n)*element);
    if (stream.fail())
        fail(file + ": cannot be read");
    for (size_t done = given; done < n; done *= 2)
        std::memcpy(data + done*element, data, std::min(done, n - done)*element);
}

BRIANPRUNE_COLD inline void write_bytes(const std::string& file, const void* data, size_t n,
                                        size_t element)
{
    std::ofstream stream(file, std::ios::binary);
    stream.write(static_cast<const char*>(data), n*element);
    stream.close();
    if (stream.fail())
        fail(file + ": cannot be written");
}

template <class T> void read(const std::string& folder, const char* name, T* data, size_t n)
{
    read_bytes(path(folder, name), reinterpret_cast<char*>(data), n, sizeof(T));
}

template <class T> void read(const std::string& folder, const char* name, std::vector<T>& data)
{
    read(folder, name, data.data(), data.size());
}

template <class T>
void resize_and_read(const std::string& folder, const char* name, std::vector<T>& data)
{
    const int64_t given = length_of(path(folder, name), sizeof(T));
    if (given >= 0)
        data.resize(given);
    if (!data.empty())
        read(folder, name, data);
}

// Only if another file is there too may the length change.
template <class T>
void resize_and_read_if(const std::string& folder, const char* name, std::vector<T>& data,
                        const char* other)
{
    if (length_of(path(folder, other), 1) >= 0)
        resize_and_read(folder, name, data);
    else
        read(folder, name, data);
}

template <class T> void write(const std::string& folder, const char* name, const T* data, size_t n)
{
    write_bytes(path(folder, name), data, n, sizeof(T));
}

template <class T>
void write(const std::string& folder, const char* name, const std::vector<T>& data)
{
    write(folder, name, data.data(), data.size());
}

// Spikes of a generator that are made from images, those of one image when it begins: fewer fit the cache.
class SpikeMaker
{
    std::vector<uint8_t> images;
    std::vector<uint32_t> tables;
    std::vector<float> guesses;
    std::vector<uint64_t> keys;
    std::vector<int64_t> sizes;  // steps that may have input, steps of an image
    size_t n_pixels = 0, next = 0;

public:
    std::vector<int64_t> counts;  // spikes of each neuron

    SpikeMaker(const std::string& folder, const char* images_name, const char* tables_name,
               const char* guesses_name, const char* keys_name, const char* sizes_name)
    {
        resize_and_read(folder, images_name, images);
        resize_and_read(folder, tables_name, tables);
        resize_and_read(folder, guesses_name, guesses);
        resize_and_read(folder, keys_name, keys);
        resize_and_read(folder, sizes_name, sizes);
        if (!keys.empty())
            n_pixels = images.size()/keys.size();
        counts.assign(n_pixels, 0);
    }

    void before_step(int64_t step, std::vector<int32_t>& indices, std::vector<int32_t>& bins,
                     int32_t& first)
    {
        if (next >= keys.size() || step < (int64_t)next*sizes[1])
            return;
        const uint8_t* image = images.data() + next*n_pixels;
        int64_t found = -1;
        if (indices.size() < n_pixels)
            indices.resize(n_pixels);
        while (found < 0)
        {
            bins.resize(indices.size());
            found = make_poisson_spikes(image, 1, n_pixels, sizes[0], sizes[1], tables.data(),
                                        guesses.data(), &keys[next], indices.data(), bins.data(),
                                        indices.size());
            if (found < 0)
                indices.resize(2*indices.size());
        }
        indices.resize(found);
        bins.resize(found);
        for (int64_t k=0; k<found; k++)
        {
            bins[k] += (int32_t)(next*sizes[1]);
            counts[indices[k]]++;
        }
        first = 0;
        next++;
    }
};

// Spikes that a run is given to a generator, some ahead of the step: fewer fit the cache. If they repeat, all.
class SpikeReader
{
    std::string indices_name, bins_name;
    std::ifstream indices_file, bins_file;  // open as long as there is more to read
    std::vector<int32_t> steps;  // if spikes are given step by step
    std::vector<int64_t> sizes;  // of the spikes of each that are left
    size_t next = 0;
    int64_t left = 0;

public:
    SpikeReader(const std::string& folder, const char* of_indices, const char* of_bins, const char* of_sizes,
                std::vector<int32_t>& indices, std::vector<int32_t>& bins, int32_t period)
        : indices_name(path(folder, of_indices)), bins_name(path(folder, of_bins))
    {
        left = length_of(indices_name, sizeof(int32_t));
        if (left < 0)
            return;
        resize_and_read(folder, of_sizes, sizes);
        if (!sizes.empty())
            resize_and_read(folder, of_bins, steps);
        indices.clear();
        bins.clear();
        if (period > 0)
            read(left, indices, bins);
    }

    void before_step(int64_t step, std::vector<int32_t>& indices, std::vector<int32_t>& bins, int32_t& first)
    {
        while (left > 0 && (bins.empty() || bins.back() <= step))
        {
            indices.erase(indices.begin(), indices.begin() + first);
            bins.erase(bins.begin(), bins.begin() + first);
            first = 0;
            read(std::min(left, (int64_t)1 << 14), indices, bins);
        }
    }

private:
    void read(int64_t n, std::vector<int32_t>& indices, std::vector<int32_t>& bins)
    {
        append(indices_file, indices_name, n, indices);
        if (sizes.empty())
            append(bins_file, bins_name, n, bins);
        for (int64_t k=n; k>0 && next<steps.size();)
        {
            const int64_t taken = std::min(k, sizes[next]);
            bins.insert(bins.end(), taken, steps[next]);
            sizes[next] -= taken;
            k -= taken;
            if (sizes[next] == 0)
                next++;
        }
        left -= n;
    }

    void append(std::ifstream& file, const std::string& name, int64_t n, std::vector<int32_t>& data)
    {
        if (!file.is_open())
            file.open(name, std::ios::binary);
        data.resize(data.size() + n);
        file.read(reinterpret_cast<char*>(data.data() + data.size() - n), n*sizeof(int32_t));
        if (file.fail())
            fail(name + ": cannot be read");
        if (n == left)
            file.close();
    }
};

// A two-dimensional array of Brian2, row by row.
template <class T> void write_rows(const std::string& folder, const char* name, T& data)
{
    const std::string file = path(folder, name);
    std::ofstream stream(file, std::ios::binary);
    for(int row=0; row<data.n; row++)
        stream.write(reinterpret_cast<const char*>(&data(row, 0)), data.m*sizeof(data(0, 0)));
    stream.close();
    if (stream.fail())
        fail(file + ": cannot be written");
}

// The first step that is not before a time, as Brian2's clocks have it.
inline int64_t step_at(double time, double dt)
{
    const int64_t step = std::llround(time/dt);
    if (step*dt == time || std::fabs(step*dt - time)/dt <= 1e-4)
        return step;
    return (int64_t)std::ceil(time/dt);
}

// Spikes in flight: steps from now until they arrive, and their synapses. The queue advances at the
// beginning of a step, so its place 1 is the next step's.
template <class Pathway>
void write_queue(const std::string& folder, const char* steps_name, const char* synapses_name,
                 Pathway& pathway)
{
    auto& now = *pathway.queue[0];
    std::vector<int32_t> steps, synapses;
    for (size_t k=1; k<now.queue.size(); k++)
    {
        const auto& row = now.queue[(now.offset + k) % now.queue.size()];
        steps.insert(steps.end(), row.size(), (int32_t)k - 1);
        synapses.insert(synapses.end(), row.begin(), row.end());
    }
    write(folder, steps_name, steps);
    write(folder, synapses_name, synapses);
}

template <class Pathway>
void read_queue(const std::string& folder, const char* steps_name, const char* synapses_name,
                Pathway& pathway)
{
    auto& now = *pathway.queue[0];
    std::vector<int32_t> steps, synapses;
    resize_and_read(folder, steps_name, steps);
    resize_and_read(folder, synapses_name, synapses);
    for (const int32_t synapse : synapses)
        if (synapse >= (int64_t)pathway.sources.size())
            fail(path(folder, synapses_name) + ": spikes in flight to synapses that are not there");
    for (const int32_t step : steps)
        now.ensure_delay(step + 1);
    for (size_t k=0; k<steps.size(); k++)
        now.queue[(now.offset + steps[k] + 1) % now.queue.size()].push_back(synapses[k]);
}

// Neurons of which something is not 0. It becomes so by spikes; a neuron that is listed may be 0 all
// the same. It has to be updated in each step between the spikes of the step before and the next.
class Touched
{
    std::vector<char> listed;
    bool first = true;

public:
    std::vector<int32_t> indices;

    explicit Touched(size_t n) : listed(n, 0) { indices.reserve(n); }

    template <class Predicate> void update(const int32_t* spikes, int32_t n_spikes, Predicate nonzero)
    {
        if (first || (!indices.empty() && !nonzero(indices[0])))
        {
            first = false;
            std::fill(listed.begin(), listed.end(), 0);
            indices.clear();
            for (size_t k=0; k<listed.size(); k++)
                if (nonzero((int32_t)k))
                    add((int32_t)k);
        }
        for (int32_t k=0; k<n_spikes; k++)
            add(spikes[k]);
    }

private:
    void add(int32_t k)
    {
        if (!listed[k])
        {
            listed[k] = 1;
            indices.push_back(k);
        }
    }
};

// Neurons of a group to which something has happened, a bit for each; all at first.
inline std::vector<uint64_t>& marked(const char* group, size_t n)
{
    static std::map<std::string, std::vector<uint64_t>> all;
    std::vector<uint64_t>& found = all[group];
    if (found.empty())
        found.assign((n + 63)/64, ~(uint64_t)0);
    return found;
}

inline void mark(std::vector<uint64_t>& marked, int32_t neuron)
{
    marked[neuron/64] |= (uint64_t)1 << neuron%64;
}

inline void mark_all(std::vector<uint64_t>& marked)
{
    std::fill(marked.begin(), marked.end(), ~(uint64_t)0);
}

// The first word from one on in which a neuron is marked; the number of words: there is none.
inline size_t next_marked(const std::vector<uint64_t>& marked, size_t word)
{
    const size_t n = marked.size();
    const auto among_eight = [&](size_t first) {
        uint64_t any = 0;
        for (size_t k = 0; k < 8; k++)
            any |= marked[first + k];
        return any != 0;
    };
    while (word + 8 <= n && !among_eight(word))
        word += 8;
    while (word < n && !marked[word])
        word++;
    return word;
}

// Make a generator anew in memory that holds nothing else, so that equal states are equal bytes.
template <class Generator> void renew(Generator& generator)
{
    std::memset(static_cast<void*>(&generator), 0, sizeof(Generator));
    new (&generator) Generator();
}

// The generator's state as it lies in memory: only the same program reads it.
template <class Generator>
void write_generator(const std::string& folder, const char* name, const Generator& generator)
{
    static_assert(std::is_trivially_copyable<Generator>::value, "the generator is not plain data");
    write(folder, name, reinterpret_cast<const char*>(&generator), sizeof(Generator));
}

template <class Generator>
void read_generator(const std::string& folder, const char* name, Generator& generator)
{
    const int64_t bytes = length_of(path(folder, name), 1);
    if (bytes >= 0 && bytes != (int64_t)sizeof(Generator))
        fail("'random_generator' is another backend's or program's: leave it out of the state, and give"
             " the run a seed");
    read(folder, name, reinterpret_cast<char*>(&generator), sizeof(Generator));
}

}

#endif

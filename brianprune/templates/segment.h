// State in and state out of a compiled network: one file an array.
#ifndef BRIANPRUNE_SEGMENT_H
#define BRIANPRUNE_SEGMENT_H

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

namespace segment {

inline void fail(const std::string& what)
{
    std::cerr << what << std::endl;
    std::_Exit(3);
}

// One element fills the array; a file that is not there leaves the initial value.
template <class T> void read(const std::string& file, T* data, size_t n)
{
    std::ifstream stream(file, std::ios::binary | std::ios::ate);
    if (!stream.is_open())
        return;
    const size_t given = (size_t)stream.tellg()/sizeof(T);
    if (given != n && given != 1)
        fail(file + ": wrong number of elements");
    stream.seekg(0);
    stream.read(reinterpret_cast<char*>(data), given*sizeof(T));
    if (given == 1)
        std::fill(data, data + n, data[0]);
}

template <class T> void read(const std::string& file, std::vector<T>& data)
{
    read(file, data.data(), data.size());
}

template <class T> void resize_and_read(const std::string& file, std::vector<T>& data)
{
    std::ifstream stream(file, std::ios::binary | std::ios::ate);
    if (stream.is_open())
        data.resize((size_t)stream.tellg()/sizeof(T));
    read(file, data);
}

// Only if another file is there too may the length change.
template <class T>
void resize_and_read_if(const std::string& file, std::vector<T>& data, const std::string& other)
{
    if (std::ifstream(other).is_open())
        resize_and_read(file, data);
    else
        read(file, data);
}

template <class T> void write(const std::string& file, const T* data, size_t n)
{
    std::ofstream stream(file, std::ios::binary);
    stream.write(reinterpret_cast<const char*>(data), n*sizeof(T));
    stream.close();
    if (stream.fail())
        fail(file + ": cannot be written");
}

// A two-dimensional array of Brian2, row by row.
template <class T> void write_rows(const std::string& file, T& data)
{
    std::ofstream stream(file, std::ios::binary);
    for(int row=0; row<data.n; row++)
        stream.write(reinterpret_cast<const char*>(&data(row, 0)), data.m*sizeof(data(0, 0)));
    stream.close();
    if (stream.fail())
        fail(file + ": cannot be written");
}

}

#endif

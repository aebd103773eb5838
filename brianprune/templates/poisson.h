// Poisson spikes of images, by the gaps between a pixel's spikes. The same numbers as `brianprune.encoding`:
// whole numbers decide, the logarithm is no more than a good guess where to look.
#ifndef BRIANPRUNE_POISSON_H
#define BRIANPRUNE_POISSON_H

#include <cstdint>
#include <cstring>
#include <vector>

// The natural logarithm of a number above 0, to 4e-7 (a polynomial of our own): several in one instruction.
inline float guess_logarithm(float x)
{
    uint32_t bits;
    std::memcpy(&bits, &x, sizeof(bits));
    const float exponent = (float)((int32_t)(bits >> 23) - 127);
    bits = (bits & 0x7fffffu) | 0x3f800000u;
    float f;
    std::memcpy(&f, &bits, sizeof(f));
    f -= 1.0f;
    float sum = -0.00846641f;
    sum = sum*f + 0.04365929f;
    sum = sum*f - 0.10679931f;
    sum = sum*f + 0.17659865f;
    sum = sum*f - 0.24453389f;
    sum = sum*f + 0.33265256f;
    sum = sum*f - 0.49996357f;
    sum = sum*f + 0.99999952f;
    return sum*f + 0.69314718f*exponent;
}

// Returns how many spikes there are, or -1 if there is no space for them.
inline int64_t make_poisson_spikes(const uint8_t* images, int64_t n_images, int64_t n_pixels,
                                   int64_t n_steps, int64_t steps_per_image, const uint32_t* tables,
                                   const float* guesses, const uint64_t* keys, int32_t* pixels,
                                   int32_t* steps, int64_t capacity)
{
    const int BLOCK = 16;
    std::vector<int32_t> pixel_of, step_of, first(n_steps + 1);
    int64_t n = 0;
    for (int64_t k=0; k<n_images; k++)
    {
        const uint8_t* image = images + k*n_pixels;
        const uint32_t first_key = (uint32_t)keys[k], second_key = (uint32_t)(keys[k] >> 32);
        pixel_of.clear(), step_of.clear(), first.assign(n_steps + 1, 0);
        for (int64_t pixel=0; pixel<n_pixels; pixel++)
        {
            if (image[pixel] == 0)
                continue;
            const uint32_t* table = tables + image[pixel]*n_steps - 1;  // of gaps from 1 on
            const float guess_of = guesses[image[pixel]];
            int64_t step = -1;
            for (int64_t draw=0; step<n_steps; draw+=BLOCK)
            {
                uint32_t number[BLOCK];
                int32_t guess[BLOCK];
                for (int j=0; j<BLOCK; j++)
                {
                    uint32_t x = (uint32_t)((draw + j)*n_pixels + pixel)*0x9e3779b9u + first_key;
                    x = (x ^ (x >> 16))*0x7feb352du;
                    x = (x ^ (x >> 15) ^ second_key)*0x846ca68bu;
                    number[j] = x ^ (x >> 16);
                    const float steps_to = guess_of*guess_logarithm(2.3283064e-10f*((float)number[j] + 0.5f));
                    guess[j] = (int32_t)(steps_to < 1e9f ? steps_to : 1e9f);
                }
                for (int j=0; j<BLOCK && step<n_steps; j++)
                {
                    int64_t gap = guess[j] < 0 ? 0 : (guess[j] < n_steps ? guess[j] : n_steps);
                    while (gap < n_steps && number[j] < table[gap + 1])
                        gap++;
                    while (gap > 0 && number[j] >= table[gap])
                        gap--;
                    step += 1 + gap;
                    if (step >= n_steps)
                        break;
                    pixel_of.push_back((int32_t)pixel);
                    step_of.push_back((int32_t)step);
                    first[step + 1]++;
                }
            }
        }
        const int64_t found = pixel_of.size();
        if (n + found > capacity)
            return -1;
        for (int64_t step=0; step<n_steps; step++)
            first[step + 1] += first[step];
        for (int64_t spike=0; spike<found; spike++)
        {
            const int64_t to = n + first[step_of[spike]]++;
            pixels[to] = pixel_of[spike];
            steps[to] = (int32_t)(k*steps_per_image) + step_of[spike];
        }
        n += found;
    }
    return n;
}

#endif

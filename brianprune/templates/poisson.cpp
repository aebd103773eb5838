// Poisson spikes of images, by the gaps between a pixel's spikes. The same numbers as `brianprune.encoding`:
// whole numbers decide, the logarithm is no more than a good guess where to look.
#include <cmath>
#include <cstdint>
#include <vector>

extern "C" int64_t poisson_spikes(const uint8_t* images, int64_t n_images, int64_t n_pixels, int64_t n_steps,
                                  int64_t steps_per_image, const uint32_t* tables,
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
                    guess[j] = (int32_t)std::fmin(
                        guess_of*logf(2.3283064e-10f*((float)number[j] + 0.5f)), 1e9f);
                }
                for (int j=0; j<BLOCK && step<n_steps; j++)
                {
                    int64_t gap = guess[j] < n_steps ? guess[j] : n_steps;
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

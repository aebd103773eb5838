// `make_poisson_spikes` as a library.
#include "poisson.h"

extern "C" int64_t poisson_spikes(const uint8_t* images, int64_t n_images, int64_t n_pixels, int64_t n_steps,
                                  int64_t steps_per_image, const uint32_t* tables, const float* guesses,
                                  const uint64_t* keys, int32_t* pixels, int32_t* steps, int64_t capacity)
{
    return make_poisson_spikes(images, n_images, n_pixels, n_steps, steps_per_image, tables, guesses, keys,
                               pixels, steps, capacity);
}

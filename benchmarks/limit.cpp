// The default network in training and inference, written by hand for one processor core: what the package's
// times are compared with. One file, no parts, no pruning, nothing that is not needed for the spikes.
//
//     g++ -O3 -march=native -ffast-math -o limit benchmarks/limit.cpp
//     ./limit data=FOLDER_WITH_PLAIN_IDX_FILES n=400 train=3000 [learn=2000] [seed=1]
//
// From image `learn` on nothing is learned. The time of some images is the difference of two runs.
// Equations and values are those of `brianprune.DiehlCook()`; the spikes of the input are drawn otherwise.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

constexpr int PIXELS = 784, STEPS = 700, REFRACTORY = 4, BLOCK = 64;
constexpr float DT = 0.5f, TAU_M = 100, REST = -65, E_INH = -100, THRESHOLD = -72, W_INH = 17;
constexpr float ETA_MINUS = 1e-4f, ETA_PLUS = 1e-2f, THETA_PLUS = 0.01f, WEIGHT_SUM = 78, RATE = 0.3f;

uint64_t state;
float uniform()  // splitmix64; never 0
{
    uint64_t z = (state += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30))*0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27))*0x94d049bb133111ebULL;
    return ((z >> 40) + 0.5f)/16777216.0f;
}

double argument(int count, char** values, const std::string& name, double otherwise)
{
    for (int k=1; k<count; k++)
        if (!strncmp(values[k], (name + "=").c_str(), name.size() + 1))
            return atof(values[k] + name.size() + 1);
    return otherwise;
}

// Decay of a trace by the number of steps since it was set to 1.
struct Decay
{
    float by_steps[STEPS + 1];
    explicit Decay(float tau)
    {
        for (int k=0; k<=STEPS; k++)
            by_steps[k] = std::exp(-k*DT/tau);
    }
};

template <class T> T* aligned(size_t n)
{
    void* memory = aligned_alloc(64, (n*sizeof(T) + 63)/64*64);
    memset(memory, 0, (n*sizeof(T) + 63)/64*64);
    return static_cast<T*>(memory);
}

}

int main(int count, char** values)
{
    std::string folder = ".";
    for (int k=1; k<count; k++)
        if (!strncmp(values[k], "data=", 5))
            folder = values[k] + 5;
    const int n = argument(count, values, "n", 100), images = argument(count, values, "train", 1000);
    const int learned = argument(count, values, "learn", images);
    state = argument(count, values, "seed", 1);
    const int width = (n + BLOCK - 1)/BLOCK*BLOCK;  // of a row: whole blocks

    std::vector<uint8_t> file(16 + 60000*PIXELS);
    FILE* stream = fopen((folder + "/train-images-idx3-ubyte").c_str(), "rb");
    if (!stream || fread(file.data(), 1, file.size(), stream) != file.size())
        return fprintf(stderr, "%s has no plain train-images-idx3-ubyte\n", folder.c_str()), 1;
    fclose(stream);

    float* w = aligned<float>((size_t)PIXELS*width);
    float *v = aligned<float>(width), *g_e = aligned<float>(width), *g_i = aligned<float>(width);
    float *theta = aligned<float>(width), *total = aligned<float>(width);
    int32_t* free_from = aligned<int32_t>(width);
    for (int i=0; i<PIXELS; i++)
        for (int j=0; j<n; j++)
            w[(size_t)i*width + j] = 0.3f*(uniform() + 0.01f);
    for (int j=0; j<width; j++)
        theta[j] = j < n ? 10 : 1e9f;  // what fills up the last block never fires

    const Decay pre(4), fast(8), slow(16);
    const float keep_e = std::exp(-DT/1), keep_i = std::exp(-DT/2), step = DT/TAU_M;
    const float keep_theta = std::exp(-STEPS*DT/(3e4*n));
    std::vector<int> last_input(PIXELS), last_spike(width), first(STEPS + 2);
    std::vector<int> pixel_of, step_of, by_step, spiked;
    long spikes = 0, inputs = 0;

    for (int image=0; image<images; image++)
    {
        const bool learning = image < learned;
        if (learning)  // weights are scaled to their sum
        {
            std::fill(total, total + width, 0.0f);
            for (int i=0; i<PIXELS; i++)
                for (int j=0; j<width; j++)
                    total[j] += w[(size_t)i*width + j];
            for (int j=0; j<width; j++)
                total[j] = total[j] > 0 ? WEIGHT_SUM/total[j] : 0;
            for (int i=0; i<PIXELS; i++)
                for (int j=0; j<width; j++)
                    w[(size_t)i*width + j] = std::min(w[(size_t)i*width + j]*total[j], 1.0f);
        }

        // input: gaps of a Bernoulli process, then sorted by step
        const uint8_t* grey = &file[16 + (size_t)(image % 60000)*PIXELS];
        pixel_of.clear(), step_of.clear();
        std::fill(first.begin(), first.end(), 0);
        for (int i=0; i<PIXELS; i++)
            if (grey[i])
            {
                const float scale = 1/std::log1p(-grey[i]*RATE*DT*1e-3f);
                for (int t=(int)(std::log(uniform())*scale); t<STEPS - 1;
                     t+=1 + (int)(std::log(uniform())*scale))
                {
                    pixel_of.push_back(i), step_of.push_back(t);
                    first[t + 2]++;
                }
            }
        for (int t=1; t<STEPS; t++)
            first[t + 1] += first[t];
        by_step.resize(pixel_of.size());
        for (size_t k=0; k<pixel_of.size(); k++)
            by_step[first[step_of[k] + 1]++] = pixel_of[k];  // now first[t] is where step t begins
        inputs += pixel_of.size();

        std::fill(v, v + width, REST), std::fill(g_e, g_e + width, 0.0f), std::fill(g_i, g_i + width, 0.0f);
        std::fill(free_from, free_from + width, 0);
        std::fill(last_input.begin(), last_input.end(), -1), std::fill(last_spike.begin(), last_spike.end(), -1);
        spiked.clear();
        for (int t=0; t<STEPS; t++)
        {
            bool crossed = false;
            for (int block=0; block<width; block+=BLOCK)
            {
                int above = 0;
                for (int j=block; j<block + BLOCK; j++)
                {
                    const float leak = 1 + g_e[j] + g_i[j];
                    const float next = (v[j] + step*(REST + g_i[j]*E_INH))/(1 + step*leak);
                    v[j] = t >= free_from[j] ? next : v[j];
                    g_e[j] *= keep_e, g_i[j] *= keep_i;
                    above += v[j] > THRESHOLD + theta[j];
                }
                crossed |= above > 0;
            }
            int winner = -1;
            if (crossed && t < STEPS - 1)
                for (int j=0; j<n; j++)
                    if (v[j] > THRESHOLD + theta[j] && t >= free_from[j]
                        && (winner < 0 || v[j] - theta[j] > v[winner] - theta[winner]))
                        winner = j;
            for (int k=first[t]; k<first[t + 1]; k++)
            {
                float* row = w + (size_t)by_step[k]*width;
                for (int j=0; j<width; j++)
                    g_e[j] += row[j];
                if (learning)
                    for (const int j : spiked)  // the others' trace is 0
                        row[j] = std::max(row[j] - ETA_MINUS*fast.by_steps[t - last_spike[j]], 0.0f);
                last_input[by_step[k]] = t;
            }
            if (winner < 0)
                continue;
            spikes++;
            if (learning && last_spike[winner] >= 0)
            {
                const float rate = ETA_PLUS*slow.by_steps[t - last_spike[winner]];
                for (int i=0; i<PIXELS; i++)
                    if (last_input[i] >= 0)
                    {
                        float& weight = w[(size_t)i*width + winner];
                        weight = std::min(weight + rate*pre.by_steps[t - last_input[i]], 1.0f);
                    }
            }
            else if (learning)
                spiked.push_back(winner);
            last_spike[winner] = t;
            theta[winner] += learning ? THETA_PLUS : 0;
            v[winner] = REST, free_from[winner] = t + REFRACTORY;
            for (int j=0; j<width; j++)
                g_i[j] += W_INH;
            g_i[winner] -= W_INH;
        }
        if (learning)
            for (int j=0; j<n; j++)
                theta[j] *= keep_theta;
    }
    double mean = 0;
    for (int j=0; j<n; j++)
        mean += theta[j]/n;
    printf("n=%d spikes %.2f inputs %.0f an image, theta %.3f mV\n", n, (double)spikes/images,
           (double)inputs/images, mean);
}

// The names of KISS FFT that the shared sources use. The page reads no sounds, so no transform is
// made (browser_files.cc).
#pragma once

#include <cstddef>

struct kiss_fftr_state;
struct kiss_fft_cpx {
  float r, i;
};

kiss_fftr_state* kiss_fftr_alloc(int size, int inverse, void* memory, std::size_t* bytes);
void kiss_fftr(kiss_fftr_state* state, const float* samples, kiss_fft_cpx* spectrum);
void kiss_fftr_free(kiss_fftr_state* state);

// The same in C++, all rows at once on two threads; classes where the encoder has a classifier:
//   c++ -std=c++17 embed.cc $(pkg-config --cflags --libs metaplastic_encoder) -o embed
#include <cstdio>
#include <exception>
#include <iostream>
#include <metaplastic_encoder.hpp>
#include <vector>

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: embed ENCODER < ROWS > FEATURES\n");
    return 2;
  }
  try {
    const metaplastic_inference::Encoder encoder(argv[1]);
    std::vector<float> rows;
    for (float value; std::cin >> value;) rows.push_back(value);
    const bool classifies = encoder.num_classes() > 0;
    const std::vector<float> features = encoder.embed(rows, 255, 2);
    const std::vector<float> out = classifies ? encoder.classify(features) : features;
    const std::int64_t width = classifies ? encoder.num_classes() : encoder.num_features();
    for (std::size_t n = 0; n < out.size(); ++n) {
      const bool last = static_cast<std::int64_t>(n + 1) % width == 0;
      std::printf("%.9g%c", static_cast<double>(out[n]), last ? '\n' : ' ');
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "embed: %s\n", error.what());
    return 2;
  }
  return 0;
}

// Which library multiplies the small matrices of an inner step best? Our kernel, OpenBLAS and
// oneDNN, interleaved on one thread; medians in GFLOP/s. The results are compared first. usage:
// OMP_NUM_THREADS=1 small_products
#include <dnnl.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "tensor/blas.h"
#include "tensor/kernels.h"

namespace {

using metaplastic::gemm;
using metaplastic::kernels;

struct Shape {
  const char* what;
  int m, n, k;
  bool transpose_b;
};

// Names as in docs/notebook/performance.md, sizes of compact-small and compact-large.
constexpr Shape kShapes[] = {
    {"map of channels, small", 16, 4096, 16, false},
    {"map of channels, large", 32, 16384, 32, false},
    {"lowrank, small", 64, 64, 256, true},
    {"lowrank, large", 128, 128, 512, true},
    {"lowrank of the input, large", 196, 128, 512, true},
    {"w sym, small", 64, 64, 64, false},
    {"w sym, large", 196, 128, 128, false},
};
constexpr int kRounds = 41;
constexpr double kTolerance = 1e-3;

struct Product {
  explicit Product(const Shape& s) : shape(s) {
    const auto fill = [](std::vector<float>& values, int size, float phase) {
      values.resize(static_cast<std::size_t>(size));
      for (std::size_t i = 0; i < values.size(); ++i)
        values[i] = std::sin(phase + 0.37f * static_cast<float>(i));
    };
    fill(a, s.m * s.k, 0.1f), fill(b, s.k * s.n, 0.5f), fill(c, s.m * s.n, 0);
    const int columns = (s.n + metaplastic::kPackMultiple - 1) / metaplastic::kPackMultiple;
    packed.resize(static_cast<std::size_t>(s.k * columns * metaplastic::kPackMultiple));
  }
  int ldb() const { return shape.transpose_b ? shape.k : shape.n; }

  Shape shape;
  std::vector<float> a, b, c, packed;
};

struct Library {
  std::string name;
  std::function<void(Product&)> multiply;
  std::vector<double> seconds{};
};

std::vector<Library> libraries() {
  return {{"ours",
           [](Product& p) {
             const Shape& s = p.shape;
             kernels<float>().gemm_small(false, s.transpose_b, s.m, s.n, s.k, 1.0f, p.a.data(), s.k,
                                         p.b.data(), p.ldb(), false, p.c.data(), s.n,
                                         p.packed.data());
           }},
          {"OpenBLAS",
           [](Product& p) {
             const Shape& s = p.shape;
             gemm(false, s.transpose_b, s.m, s.n, s.k, 1.0f, p.a.data(), s.k, p.b.data(), p.ldb(),
                  0.0f, p.c.data(), s.n);
           }},
          {"oneDNN", [](Product& p) {
             const Shape& s = p.shape;
             dnnl_sgemm('N', s.transpose_b ? 'T' : 'N', s.m, s.n, s.k, 1.0f, p.a.data(), s.k,
                        p.b.data(), p.ldb(), 0.0f, p.c.data(), s.n);
           }}};
}

bool agree(std::vector<Library>& all, Product& product) {
  all.front().multiply(product);
  const std::vector<float> first = product.c;
  for (Library& library : all) {
    std::fill(product.c.begin(), product.c.end(), 0.0f);
    library.multiply(product);
    for (std::size_t i = 0; i < first.size(); ++i)
      if (std::abs(product.c[i] - first[i]) > kTolerance) return false;
  }
  return true;
}

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void measure(const Shape& shape) {
  Product product(shape);
  std::vector<Library> all = libraries();
  if (!agree(all, product)) {
    std::printf("%s: the libraries disagree\n", shape.what);
    std::exit(1);
  }
  const double flops = 2.0 * shape.m * shape.n * shape.k;
  const int repeats = std::max(1, static_cast<int>(2e7 / flops));
  for (int round = 0; round < kRounds; ++round) {
    for (Library& library : all) {
      library.seconds.push_back(seconds_of([&] {
        for (int r = 0; r < repeats; ++r) library.multiply(product);
      }));
    }
  }
  std::printf("%-28s %4d x %5d x %4d", shape.what, shape.m, shape.n, shape.k);
  for (Library& library : all) {
    std::ranges::nth_element(library.seconds, library.seconds.begin() + kRounds / 2);
    std::printf("  %s %6.1f", library.name.c_str(),
                flops * repeats / library.seconds[kRounds / 2] / 1e9);
  }
  std::printf("\n");
}

}  // namespace

int main() {
  for (const Shape& shape : kShapes) measure(shape);
}

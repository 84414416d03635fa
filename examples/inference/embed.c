/* Features of rows of numbers on stdin by an encoder file, in C:
 *   cc embed.c $(pkg-config --cflags --libs metaplastic_encoder) -o embed
 *   ./embed encoder.safetensors < rows.txt > features.txt
 * A row is as many numbers as the encoder has columns (or pixels, white 255), with blanks between them. */
#include <metaplastic_encoder.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char** argv) {
  char error[500];
  if (argc != 2) {
    fprintf(stderr, "usage: embed ENCODER < ROWS > FEATURES\n");
    return 2;
  }
  metaplastic_encoder* encoder = metaplastic_load(argv[1], error, sizeof error);
  if (encoder == NULL) {
    fprintf(stderr, "embed: %s\n", error);
    return 2;
  }
  const int64_t columns = metaplastic_num_columns(encoder);
  const int64_t width = metaplastic_num_features(encoder);
  float* row = malloc((size_t)columns * sizeof *row);
  float* features = malloc((size_t)width * sizeof *features);
  int status = row != NULL && features != NULL ? 0 : 1;
  int64_t found = 0;
  while (status == 0 && scanf("%f", &row[found]) == 1) {
    if (++found < columns) continue;
    found = 0;
    if (metaplastic_embed(encoder, row, 1, 255, 1, features, error, sizeof error) != 0) {
      fprintf(stderr, "embed: %s\n", error);
      status = 2;
      break;
    }
    for (int64_t n = 0; n < width; ++n)
      printf("%.9g%c", (double)features[n], n + 1 == width ? '\n' : ' ');
  }
  free(row);
  free(features);
  metaplastic_free(encoder);
  return status;
}

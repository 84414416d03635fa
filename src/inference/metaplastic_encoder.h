/* Features of rows in memory, by an encoder that `metaplastic apply --model` or Python wrote:
 * inference alone, in a small library. C11 and C++; metaplastic_encoder.hpp wraps it.
 * docs/deployment.md.
 *
 * Encoders are immutable: any number of threads may use one. Functions that can fail return 0 (or
 * an encoder), and otherwise -1 (or NULL) with one line in `error`, cut to error_size; error may be
 * NULL. */
#ifndef METAPLASTIC_ENCODER_H
#define METAPLASTIC_ENCODER_H

/* NOLINTBEGIN(modernize-*): C, not C++ */
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct metaplastic_encoder metaplastic_encoder;

/* Of rows of numbers or of images; an encoder of text is refused. Release with metaplastic_free. */
metaplastic_encoder* metaplastic_load(const char* path, char* error, size_t error_size);
void metaplastic_free(metaplastic_encoder* encoder);

/* Numbers of a raw row: the columns of a table in the order of metaplastic_column_name; the
 * channels of each step of a signal, step by step; or the pixels of an image from the top, row by
 * row, the channels of a pixel together. */
int64_t metaplastic_num_columns(const metaplastic_encoder* encoder);
/* NULL for images, and for an index out of range. Valid as long as the encoder. */
const char* metaplastic_column_name(const metaplastic_encoder* encoder, int64_t column);
/* An image's height, width and channels; a signal's 1, steps and channels; 0 of a table. */
void metaplastic_image_shape(const metaplastic_encoder* encoder, int64_t shape[3]);
int64_t metaplastic_num_features(const metaplastic_encoder* encoder);
/* Of an encoder that `metaplastic classify` or FewLabelClassifier wrote; 0 without a classifier. */
int64_t metaplastic_num_classes(const metaplastic_encoder* encoder);
const char* metaplastic_class_name(const metaplastic_encoder* encoder, int64_t index);

/* rows [num_rows, num_columns] -> features [num_rows, num_features], the bits of `metaplastic
 * embed`. pixel_max: the value of white in images (255, 1, ..); not read for tables. num_threads 1
 * and more: the features do not depend on it. Fails for numbers that are not finite. */
int metaplastic_embed(const metaplastic_encoder* encoder, const float* rows, int64_t num_rows,
                      float pixel_max, int num_threads, float* features, char* error,
                      size_t error_size);
/* The same of doubles, for columns such as times in seconds, whose digits a float would lose. */
int metaplastic_embed_double(const metaplastic_encoder* encoder, const double* rows,
                             int64_t num_rows, float pixel_max, int num_threads, float* features,
                             char* error, size_t error_size);
/* features [num_rows, num_features] -> probabilities [num_rows, num_classes]. Fails without a
 * classifier. */
int metaplastic_classify(const metaplastic_encoder* encoder, const float* features,
                         int64_t num_rows, float* probabilities, char* error, size_t error_size);

/* such as "0.2.0" */
const char* metaplastic_version(void);

#ifdef __cplusplus
}
#endif
/* NOLINTEND(modernize-*) */
#endif

// Every constant of the method, with its source. None stands inline in the rule's code.
#pragma once

namespace metaplastic {

struct RuleConstants {
  double norm_eps = 1e-5;          // norm of compact, without an offset
  double standardise_eps = 1e-5;   // corr and the standardised activations
  double moments_eps = 1e-5;       // inside the square root of a deviation
  double delta_eps = 1e-6;         // RMS normalisation of delta over D; released code
  double column_eps = 1e-8;        // w = W / rms(column)
  double statistics_eps = 1e-6;    // joint RMS normalisation of the weight statistics
  double decorrelate_eps = 1e-6;   // RMS normalisation of w corr(x_up)
  double term_offset = 1;          // each term / sqrt(1 + mean over rows of its square)
  double step_offset = 1;          // the mixed step likewise
  double bias_offset = 0.5;        // bias step / sqrt(0.5 + mean square); released code
  double free_bias_reach = 2;      // bias_mean "free": times the bias step, so that a bias settles
                                   // within 2 deviations of z; the paper's step ends at 1
  double homeostatic_gain = 6;     // bias_mean "homeostatic": how strongly a bias is drawn to
                                   // its aim, before free_bias_reach,
  double homeostatic_pace = 0.05;  // and at what share of the inner step size biases move
  double separate_units = 128;     // views: the width from which separate weighs less
  double keep = 1.0 / 7;           // W_step - w / 7, so that columns do not collapse; released code
  // compact: the mix times mix_gain / sqrt(n), metz2019: divided by n sqrt(n); released code. n is
  // the number of terms that the paper's rule has, whatever the table of terms holds.
  double mix_gain = 10;
  double mix_terms = 12;
  double mix_terms_local = 6;  // locality = "neuron"
};

inline constexpr RuleConstants kRule{};

// metz2019's own. All from the released code (Sonnet 1's defaults among them).
struct ReleasedConstants {
  double norm_eps = 1e-3;         // batch norm of both networks
  double standardise_eps = 1e-6;  // corr
  double column_eps = 1e-6;       // w = W / rms(column)
  double decorrelate_eps = 1e-8;  // RMS normalisation of w corr(x_up) / sqrt(U)
  double rms_eps = 1e-6;          // statistics of the weights: root mean square,
  double deviation_eps = 1e-8;    // and deviation
  double id_turns = 2;            // the unit id runs over so many turns of its sine and cosine
};

inline constexpr ReleasedConstants kReleased{};

}  // namespace metaplastic

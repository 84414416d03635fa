// Multinomial logistic regression with a quadratic penalty, solved by Newton's method.
#pragma once

#include <Eigen/Dense>

namespace metaplastic {

using LogisticMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// Softmax of every row, in place.
void softmax_rows(LogisticMatrix& logits);

// Minimises sum_i -log softmax(x_i W + b)[y_i] + lambda/2 |W|^2; the bias is not penalised. x
// [n,F]; targets [n,Y], one 1 in every row; lambda > 0. Returns [F+1,Y], the last row of which is
// the bias. Each Newton step is solved by conjugate gradients, until no derivative is above 1e-6 n.
// Where n < F the same problem is solved in the space of the rows. Cost: 4 n min(n,F) Y flops a
// product with the Hessian, about 100 products.
LogisticMatrix solve_logistic(const LogisticMatrix& x, const LogisticMatrix& targets,
                              double lambda);

}  // namespace metaplastic

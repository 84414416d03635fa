#ifdef METAPLASTIC_HAVE_MPI
#include "comm/mpi_library.h"

namespace metaplastic {

const MpiLibrary& mpi() {
  static const MpiLibrary kLibrary;
  return kLibrary;
}

}  // namespace metaplastic
#endif

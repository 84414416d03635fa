// The MPI library, which is loaded when the first rank starts. Read it with src/comm/mpi_link.h.
#pragma once

#define OMPI_SKIP_MPICXX 1  // the C interface is all we use
#define MPICH_SKIP_MPICXX 1
#include <mpi.h>

#include "base/system_library.h"

namespace metaplastic {

struct MpiLibrary {
  // Global: the components of Open MPI refer to symbols of the library.
  SystemLibrary library{METAPLASTIC_MPI_FILE, SystemLibrary::Names::kGlobal};
  decltype(MPI_Abort)* abort = library["MPI_Abort"];
  decltype(MPI_Allgather)* allgather = library["MPI_Allgather"];
  decltype(MPI_Comm_rank)* comm_rank = library["MPI_Comm_rank"];
  decltype(MPI_Comm_size)* comm_size = library["MPI_Comm_size"];
  decltype(MPI_Finalize)* finalize = library["MPI_Finalize"];
  decltype(MPI_Get_count)* get_count = library["MPI_Get_count"];
  decltype(MPI_Get_library_version)* get_library_version = library["MPI_Get_library_version"];
  decltype(MPI_Improbe)* improbe = library["MPI_Improbe"];
  decltype(MPI_Imrecv)* imrecv = library["MPI_Imrecv"];
  decltype(MPI_Init_thread)* init_thread = library["MPI_Init_thread"];
  decltype(MPI_Isend)* isend = library["MPI_Isend"];
  decltype(MPI_Test)* test = library["MPI_Test"];
#ifdef OPEN_MPI
  // Here MPI_COMM_WORLD and MPI_BYTE are addresses of variables in the library.
  MPI_Comm world = library["ompi_mpi_comm_world"];
  MPI_Datatype byte = library["ompi_mpi_byte"];
#else
  MPI_Comm world = MPI_COMM_WORLD;
  MPI_Datatype byte = MPI_BYTE;
#endif
};

const MpiLibrary& mpi();

}  // namespace metaplastic

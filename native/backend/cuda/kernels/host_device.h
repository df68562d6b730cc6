// Marks what both the host and kernels call.
#pragma once

#ifdef __CUDACC__
#define QUERN_HD __host__ __device__
#else
#define QUERN_HD
#endif

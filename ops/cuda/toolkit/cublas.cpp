// Matrix products on the GPU: cuBLAS, found when the first one is wanted, so that the library loads
// where there is none.
#include <cublas_v2.h>
#include <dlfcn.h>

#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <voxgrad/core/backend.h>
#include <voxgrad/core/check.h>
#include <voxgrad/ops/cuda/gemm.h>
#include <voxgrad/ops/cuda/runtime.h>
#include <voxgrad/ops/cuda/toolkit/check.h>
#include <voxgrad/ops/matmul.h>

namespace voxgrad::ops::cuda {

namespace {

/// The functions of the shared library.
struct Cublas {
  decltype(&cublasCreate_v2) create = nullptr;
  decltype(&cublasSetWorkspace_v2) set_workspace = nullptr;
  decltype(&cublasGemmStridedBatchedEx_64) gemm = nullptr;
  decltype(&cublasGetStatusString) status_string = nullptr;
  std::string missing;  ///< what is wrong, where the library cannot be used
};

Cublas load() {
  Cublas functions;
  const std::string name = "libcublas.so." + std::to_string(CUBLAS_VER_MAJOR);
  void* library = nullptr;
  for (const std::string& path : {name, "/usr/local/cuda/lib64/" + name}) {
    if (library == nullptr) library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  }
  const auto find = [&](auto& function, const char* symbol) {
    function =
        library == nullptr
            ? nullptr
            : reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(library, symbol));
    if (function == nullptr && functions.missing.empty()) {
      functions.missing = fmt::format(
          "{} {}", name, library == nullptr ? "was not found" : "has no " + std::string(symbol));
    }
  };
  find(functions.create, "cublasCreate_v2");
  find(functions.set_workspace, "cublasSetWorkspace_v2");
  find(functions.gemm, "cublasGemmStridedBatchedEx_64");
  find(functions.status_string, "cublasGetStatusString");
  return functions;
}

const Cublas& cublas() {
  static const Cublas functions = load();
  VG_CHECK(functions.missing.empty(), DeviceError,
           "matmul: {}; install cuBLAS of the CUDA Toolkit and add its folder to LD_LIBRARY_PATH",
           functions.missing);
  return functions;
}

void check(std::string_view op, cublasStatus_t status) {
  VG_CHECK(status == CUBLAS_STATUS_SUCCESS, DeviceError, "{}: cuBLAS reports {}", op,
           cublas().status_string(status));
}

/// Handles are of one thread at a time. They are never destroyed, since CUDA may end before them.
class Handles {
 public:
  cublasHandle_t take(int device) {
    const std::lock_guard lock(mutex_);
    std::vector<cublasHandle_t>& free = free_[device];
    if (!free.empty()) {
      const cublasHandle_t handle = free.back();
      free.pop_back();
      return handle;
    }
    cublasHandle_t handle = nullptr;
    check("matmul", cublas().create(&handle));
    check("matmul", cublas().set_workspace(handle, workspace(device), kWorkspace));
    return handle;
  }

  void give(int device, cublasHandle_t handle) {
    const std::lock_guard lock(mutex_);
    free_[device].push_back(handle);
  }

 private:
  static constexpr std::size_t kWorkspace = std::size_t{32} << 20;  // cuBLAS's advice for sm_90

  // One for all handles of the device, whose work is in one stream. With the mutex held.
  void* workspace(int device) {
    void*& memory = workspace_[device];
    if (memory == nullptr) memory = take_memory(kWorkspace);
    if (memory == nullptr) {
      backend({DeviceType::cuda, device}).empty_cache();
      memory = take_memory(kWorkspace);
    }
    VG_CHECK(memory != nullptr, OutOfMemoryError,
             "matmul: cuda:{} has not enough memory for cuBLAS; asked {} bytes, {} free", device,
             kWorkspace, free_memory().free);
    return memory;
  }

  std::mutex mutex_;
  std::map<int, std::vector<cublasHandle_t>> free_;
  std::map<int, void*> workspace_;
};

Handles& handles() {
  static auto* const instance = new Handles;
  return *instance;
}

/// This thread's handle for the current device.
cublasHandle_t handle() {
  struct Mine {
    std::map<int, cublasHandle_t> of_device;
    ~Mine() {
      for (const auto& [device, mine] : of_device) handles().give(device, mine);
    }
  };
  thread_local Mine mine;
  int device = 0;
  VG_CUDA_CHECK("matmul", cudaGetDevice(&device));
  cublasHandle_t& result = mine.of_device[device];
  if (result == nullptr) result = handles().take(device);
  return result;
}

/// A product may be several kernels, which hand partial sums on in the workspace: those of another
/// thread's product must not come between.
std::mutex& one_at_a_time() {
  static auto* const instance = new std::mutex;
  return *instance;
}

template <typename T>
void multiply_as(const Product& p, cudaDataType type, cublasComputeType_t compute) {
  const T alpha = 1, beta = p.add ? T(1) : T(0);
  const auto op = [](const Matrix& m) { return m.transposed ? CUBLAS_OP_T : CUBLAS_OP_N; };
  const cublasHandle_t mine = handle();
  const std::lock_guard lock(one_at_a_time());
  // cuBLAS counts by columns and so sees every matrix transposed: c^T = b^T a^T.
  check(p.op, cublas().gemm(mine, op(p.b), op(p.a), p.n, p.m, p.k, &alpha, p.b.data, type, p.b.row,
                            p.b.batch, p.a.data, type, p.a.row, p.a.batch, &beta, p.c, type,
                            p.c_row, p.c_batch, p.count, compute, CUBLAS_GEMM_DEFAULT));
}

}  // namespace

void multiply(const Product& product) {
  if (product.dtype == DType::float64) {
    multiply_as<double>(product, CUDA_R_64F, CUBLAS_COMPUTE_64F);
  } else {
    multiply_as<float>(product, CUDA_R_32F,
                       allow_tf32() ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F);
  }
  finish_launch(product.op);
}

}  // namespace voxgrad::ops::cuda

// A shared library of the system that is loaded when it is first used. A linked library takes up to
// a millisecond of every start, with the libraries that it needs itself (docs/dependencies.md).
#pragma once

namespace metaplastic {

class SystemLibrary {
 public:
  // An address that converts to the function pointer it is assigned to.
  class Symbol {
   public:
    explicit Symbol(void* address) : address_(address) {}
    template <typename Function>
    operator Function*() const {  // NOLINT(google-explicit-constructor)
      return reinterpret_cast<Function*>(address_);
    }

   private:
    void* address_;
  };

  enum class Names { kLocal, kGlobal };  // kGlobal: libraries that are loaded later see its symbols

  // file: as the linker names it, such as libsndfile.so.1. Throws Error where it cannot be loaded.
  // The library stays loaded to the end of the process.
  explicit SystemLibrary(const char* file, Names names = Names::kLocal);

  // Throws Error where the library has no such symbol.
  Symbol operator[](const char* symbol) const;

 private:
  const char* file_;
  void* handle_;
};

}  // namespace metaplastic

"""pip install . : CMake builds the C++ module, setuptools packs it; nothing is downloaded.

On Debian 12: python3 -m venv --system-site-packages env
              env/bin/pip install --no-build-isolation --no-index .
METAPLASTIC_BUILD_DIR names a build tree to use again; else one is made and thrown away.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = pathlib.Path(__file__).resolve().parent


def version():
    text = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    return re.search(r"project\(metaplastic VERSION ([\d.]+)", text).group(1)


class CMakeBuild(build_ext):
    def build_extension(self, ext):
        tree = pathlib.Path(os.environ.get("METAPLASTIC_BUILD_DIR") or self.build_temp).resolve()
        tree.mkdir(parents=True, exist_ok=True)
        if not (tree / "CMakeCache.txt").exists():
            generator = ["-G", "Ninja"] if shutil.which("ninja") else []
            subprocess.run(["cmake", "-S", ROOT, "-B", tree, *generator, "-DCMAKE_BUILD_TYPE=Release",
                            "-DMETAPLASTIC_PYTHON=ON", f"-DPython3_EXECUTABLE={sys.executable}"],
                           check=True)
        subprocess.run(["cmake", "--build", tree, "--target", "metaplastic_python"], check=True)
        module = pathlib.Path(self.get_ext_fullpath(ext.name))
        built = tree / "python" / "metaplastic" / module.name
        if not built.exists():
            sys.exit(f"setup: expected {built}, found none; the build tree is for another Python")
        module.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(built, module)
        # Rules and small data travel inside the package.
        share = module.parent / "share"
        (share / "rules").mkdir(parents=True, exist_ok=True)
        for rule in sorted((ROOT / "rules").glob("*.safetensors")):
            shutil.copy2(rule, share / "rules")
        shutil.copy2(ROOT / "share" / "digits.npz", share)


setup(version=version(), ext_modules=[Extension("metaplastic._native", sources=[])],
      cmdclass={"build_ext": CMakeBuild}, package_data={"metaplastic": ["*.pyi", "py.typed"]})

#!/usr/bin/env python3
"""Tests of what users install: the CMake package from a prefix, the Debian packages, pip install.

usage: package_test.py BUILD_TREE [unittest arguments]

Each works in a tree without the sources: where the kernel allows it, an empty folder is mounted
over the checkout for the programs under test (else only other places are used, and a line says so).
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
TREE = pathlib.Path()


def run(*command, cwd=None, **environment):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, cwd=cwd,
                          timeout=900, check=False, env={**os.environ, **environment})
    if done.returncode != 0:
        raise AssertionError(f"{command}: exit status {done.returncode}\n{done.stdout[-3000:]}\n"
                             f"{done.stderr[-3000:]}")
    return done.stdout


HIDE = ["unshare", "--mount", "--map-root-user", "sh", "-c",
        'mount -t tmpfs none "$0" && exec "$@"', str(ROOT)]


def can_hide():
    return subprocess.run([*HIDE, "test", "!", "-e", ROOT / "README.md"], cwd="/", check=False,
                          capture_output=True).returncode == 0


def without_sources(*command, cwd, **environment):
    """Runs a command that cannot see the checkout."""
    return run(*(HIDE if can_hide() else []), *command, cwd=cwd, **environment)


class Packages(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name).resolve()
        if not can_hide():
            print("package_test: this kernel lets nobody hide the checkout; it stays visible",
                  file=sys.stderr)

    def test_a_consumer_finds_the_installed_package(self):
        prefix, consumer = self.folder / "prefix", self.folder / "consumer"
        for component in ("program", "dev"):
            run("cmake", "--install", TREE, "--prefix", prefix, "--component", component)
        shutil.copytree(ROOT / "examples" / "cpp", consumer)
        without_sources("cmake", "-S", consumer, "-B", consumer / "build", "-DCMAKE_BUILD_TYPE=Release",
                        f"-DCMAKE_PREFIX_PATH={prefix}", cwd=consumer)
        without_sources("cmake", "--build", consumer / "build", cwd=consumer)
        out = without_sources(consumer / "build" / "quick_start", cwd=consumer,
                              METAPLASTIC_SHARE=str(prefix / "share" / "metaplastic"))
        self.assertRegex(out, r"^1797 rows, 16 features, effective rank \d+\.\d\n$")
        self.assertGreater((consumer / "encoder.onnx").stat().st_size, 4 * 64 * 32)
        # The installed program takes the encoder, and nothing in the package names the checkout.
        without_sources(prefix / "bin" / "metaplastic", "embed", "--model", "encoder.safetensors", "--data",
                        "digits", "--out", "f.npy", cwd=consumer)
        for path in (prefix / "lib").rglob("*.cmake"):
            self.assertNotIn(str(ROOT), path.read_text(encoding="utf-8"), path)

    def test_debian_packages(self):
        if not shutil.which("dpkg-shlibdeps"):
            self.skipTest("dpkg-shlibdeps is missing (Debian's dpkg-dev)")
        run("cpack", "-G", "DEB", "-B", self.folder / "debs", "--config", TREE / "CPackConfig.cmake")
        debs = {deb.name.split("_")[0]: deb for deb in (self.folder / "debs").glob("*.deb")}
        self.assertLessEqual({"metaplastic", "libmetaplastic-dev"}, set(debs))
        depends = run("dpkg-deb", "-f", debs["metaplastic"], "Depends")
        for library in ("libc6", "libicu72", "libopenblas0", "libzip4", "libpng16-16", "libfontconfig1", "libsndfile1", "libhwy1"):
            self.assertIn(library, depends)
        self.assertIn("libeigen3-dev", run("dpkg-deb", "-f", debs["libmetaplastic-dev"], "Depends"))
        # What it depends on is what this system has, so that it would install here.
        for name in re.findall(r"(?:^|, )([a-z0-9.+-]+)", depends.split("|")[0]):
            self.assertEqual(run("dpkg-query", "-W", "-f", "${db:Status-Status}", name), "installed", name)
        self.check_apt_installs(list(debs.values()))
        root = self.folder / "root"
        for deb in debs.values():
            run("dpkg-deb", "-x", deb, root)
        program = root / "usr" / "bin" / "metaplastic"
        run("cp", root / "usr/share/metaplastic/rules/hebb.safetensors",
            root / "usr/share/metaplastic/rules/only-here.safetensors")
        without_sources(program, "apply", "--rule", "only-here", "--data", "digits", "--steps", "3", "--out",
                        "f.npy", "--model", "m.safetensors", "--quiet", cwd=self.folder)
        self.assertIn("only-here", without_sources(program, "inspect", "m.safetensors", cwd=self.folder))
        self.assertTrue((root / "usr/share/doc/metaplastic/copyright").exists())
        for page in ("man/man1/metaplastic-apply.1", "bash-completion/completions/metaplastic"):
            self.assertTrue((root / "usr/share" / page).exists(), page)
        if "python3-metaplastic" in debs:
            self.check_python(root)

    def check_apt_installs(self, debs):
        """apt resolves all packages together, in a root where nothing is installed yet where it has the
        lists of the archive, else on top of what is installed here."""
        nothing = self.folder / "status"
        nothing.touch()
        clean = ["-o", f"Dir::State::status={nothing}"]
        archive = run("apt-cache", *clean, "policy", "python3-numpy")
        if "Candidate: " not in archive or "Candidate: (none)" in archive:
            print("package_test: apt has no lists here; only what is installed counts", file=sys.stderr)
            clean = []
        plan = run("apt-get", *clean, "-o", "Debug::NoLocking=1", "--simulate", "--no-install-recommends", "install",
                   *debs)
        for name in [deb.name.split("_")[0] for deb in debs]:
            self.assertRegex(plan, rf"(?m)^Conf {re.escape(name)} ")
        if clean:
            self.assertRegex(plan, r"(?m)^Inst libc6 ")
        if len(debs) == 3:
            depends = run("dpkg-deb", "-f", next(deb for deb in debs if deb.name.startswith("python3-")), "Depends")
            minor = int(run("/usr/bin/python3", "-c", "import sys; print(sys.version_info.minor)"))
            self.assertIn(f"python3 (>= 3.{minor}), python3 (<< 3.{minor + 1})", depends)

    def check_python(self, root):
        code = ("import metaplastic, numpy, json; X, y, info = metaplastic.read_data('digits');"
                "t = metaplastic.train_encoder('digits', 'only-here', n_steps=2);"
                "print(json.dumps([metaplastic.__file__, list(t.encoder.embed('digits').shape)]))")
        out = without_sources("/usr/bin/python3", "-c", code, cwd=self.folder,
                              PYTHONPATH=str(root / "usr/lib/python3/dist-packages"))
        place, shape = json.loads(out)
        self.assertTrue(place.startswith(str(root)), place)
        self.assertEqual(shape, [1797, 128])

    def test_a_wheel_made_and_installed_without_network(self):
        python = "/usr/bin/python3"
        if not (TREE / "python" / "metaplastic").is_dir():
            self.skipTest("the tree is built without METAPLASTIC_PYTHON")
        wanted = ("pip", "venv", "ensurepip", "setuptools", "wheel")
        missing = run(python, "-c", "import importlib.util, sys\n"
                      "print(*[name for name in sys.argv[1:] if not importlib.util.find_spec(name)])", *wanted)
        if missing.strip():
            self.skipTest(f"missing {missing.strip()}: install python3-pip, -venv, -setuptools and -wheel")
        env = self.folder / "env"
        run(python, "-m", "venv", "--system-site-packages", env)
        source = self.folder / "source"  # pip writes beside setup.py
        source.mkdir()
        for name in ("pyproject.toml", "setup.py", "CMakeLists.txt", "README.md", "LICENSE", "NOTICE"):
            shutil.copy2(ROOT / name, source)
        for name in ("python", "rules", "share"):
            shutil.copytree(ROOT / name, source / name)
        run(env / "bin" / "pip", "wheel", "--no-build-isolation", "--no-index", "--no-deps", "--wheel-dir",
            self.folder / "dist", source, cwd=self.folder, METAPLASTIC_BUILD_DIR=str(TREE))
        wheel, = (self.folder / "dist").glob("metaplastic-*.whl")
        self.assertRegex(wheel.name, r"-cp3\d+-cp3\d+-linux_")
        shutil.rmtree(source)
        run(env / "bin" / "pip", "install", "--no-index", "--no-deps", wheel, cwd=self.folder)
        code = ("import metaplastic, numpy; from metaplastic import UnsupervisedUpdate;"
                "print(metaplastic.__file__);"
                "model = UnsupervisedUpdate('compact-v1', n_steps=2).fit(numpy.eye(9));"
                "print(model.encoder_.embed(numpy.eye(9)).shape)")
        place, shape = without_sources(env / "bin" / "python", "-c", code, cwd=self.folder).split("\n")[:2]
        self.assertTrue(place.startswith(str(env)), place)
        self.assertEqual(shape, "(9, 128)")


if __name__ == "__main__":
    TREE = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main()

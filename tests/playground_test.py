#!/usr/bin/env python3
"""The playground in headless Chromium, from file://: features as the program's, by mouse, keys and phone.

usage: playground_test.py PROGRAM PAGE [--pictures DIR] [unittest arguments]
Needs Debian's python3-selenium and chromium-driver. --pictures keeps screenshots.
"""
import argparse
import csv
import os
import pathlib
import sys
import time
import unittest

import program

np, Image = program.np, program.Image
try:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import WebDriverWait
except ImportError:
    print("playground_test: expected python3-selenium, found none; run tools/install_packages playground", file=sys.stderr)
    sys.exit(77)

PAGE = PICTURES = None
# A loaded machine with two cores takes several times as long as an idle one.
PATIENCE = 900


class Playground(program.InFolder):
    @classmethod
    def setUpClass(cls):
        options = webdriver.ChromeOptions()
        for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
                         "--disable-dev-shm-usage"):
            options.add_argument(argument)
        options.binary_location = "/usr/bin/chromium"
        cls.browser = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
        cls.addClassCleanup(cls.browser.quit)
        cls.browser.set_script_timeout(PATIENCE)

    def setUp(self):
        super().setUp()
        self.look_like(1280, dark=False)
        self.browser.execute_cdp_cmd("Browser.setDownloadBehavior",
                                     {"behavior": "allow", "downloadPath": str(self.folder)})
        self.begin = time.monotonic()
        self.browser.get(PAGE.as_uri())
        self.wait(lambda: self.find("start").is_enabled())

    def look_like(self, width, dark):
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600})
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]})

    def find(self, name):
        return self.browser.find_element(By.ID, name)

    def text(self, name):
        return self.find(name).text

    def wait(self, condition):
        return WebDriverWait(self.browser, PATIENCE, 0.1).until(lambda _: condition())

    def set_value(self, name, value):
        self.browser.execute_script("arguments[0].value = arguments[1]", self.find(name), str(value))

    def learn(self, **settings):
        for name, value in settings.items():
            self.set_value(name, value)
        self.find("start").click()
        self.wait(lambda: self.text("start") == "Learn" and not self.text("learn-text").startswith(("No", "Step", "Lower")))
        self.assertTrue(self.text("learn-text").startswith("Done after"), self.text("learn-text"))

    def features(self):
        values = self.browser.execute_async_script("""
            const [done] = arguments;
            const page = window.playground;
            page.engine.call("features", { width: page.frame.features }).then(
              ({ features }) => done([page.frame.features, Array.from(features)]));""")
        return np.asarray(values[1], np.float32).reshape(-1, values[0])

    def of_program(self, *arguments):
        done = self.run_program("apply", "--data", "digits", "--out", "native.npy", "--quiet", *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return np.load(self.folder / "native.npy")

    def download(self, button, name):
        self.find(button).click()
        path = self.folder / name
        self.wait(path.exists)
        return path

    def keep(self, name):
        """A picture of the whole page."""
        if PICTURES is None:
            return
        height = self.browser.execute_script("return document.documentElement.scrollHeight")
        width = self.browser.execute_script("return window.innerWidth")
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600})
        time.sleep(0.3)
        self.browser.save_screenshot(str(PICTURES / f"{name}.png"))

    def reveal(self, times):
        for _ in range(times):
            before = int(self.text("count"))
            self.find("reveal").click()
            self.wait(lambda: int(self.text("count")) > before)
        self.wait(lambda: self.text("accuracy") != "-")

    def test_digits_have_the_features_of_the_program(self):
        ready = time.monotonic() - self.begin
        self.browser.execute_script("""
            const begin = performance.now();
            const look = () => window.playground.frame ? (window.firstPicture = performance.now() - begin)
                                                       : requestAnimationFrame(look);
            look();""")
        self.learn()
        first = self.browser.execute_script("return window.firstPicture") / 1000
        seconds = float(self.text("learn-text").split(", ")[1].split()[0])
        print(f"page ready {ready:.1f} s; first picture {first:.1f} s after Learn; digits learned in {seconds} s; "
              f"page of {PAGE.stat().st_size / 1e6:.2f} MB")
        mine = self.features()
        other = self.of_program("--rule", "agree-neighbours", "--layers", "mlp")
        self.assertEqual(mine.shape, other.shape)
        self.assertLess(np.abs(mine - other).max(), 1e-4)
        self.reveal(5)
        learned, raw = (float(self.text(name).split()[0]) for name in ("accuracy", "accuracy-raw"))
        self.assertGreater(learned, 85)
        self.assertGreater(learned, raw)
        self.assertEqual(self.text("count"), "100")
        for width, dark in ((1280, False), (1280, True), (390, False), (390, True)):
            self.look_like(width, dark)
            self.keep(f"digits-{width}-{'dark' if dark else 'light'}")

    def test_convolutions_have_the_features_of_the_program(self):
        self.learn(layers="images", steps=3)
        mine = self.features()
        other = self.of_program("--rule", "agree-neighbours", "--layers", "images", "--steps", "3")
        self.assertEqual(mine.shape, other.shape)
        self.assertLess(np.abs(mine - other).max(), 1e-4)

    def test_downloads_open_in_the_program(self):
        self.learn(steps=20)
        self.reveal(2)
        encoder = self.download("save-encoder", "encoder.safetensors")
        predictions = self.download("save-predictions", "predictions.csv")
        with open(predictions, encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual(len(rows), 1797 - 40)
        done = self.run_program("predict", "--model", encoder, "--data", "digits", "--out", "again.csv", "--quiet")
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(self.folder / "again.csv", encoding="utf-8") as file:
            again = {row["row"]: row for row in csv.DictReader(file)}
        for row in rows:
            for name, value in row.items():
                if name.startswith("p("):
                    self.assertAlmostEqual(float(value), float(again[row["row"]][name]), delta=2e-3)
        shown = self.run_program("inspect", encoder).stdout
        self.assertIn("agree-neighbours", shown)
        self.assertIn("data: digits", shown)

    def test_a_phone_without_a_mouse(self):
        self.look_like(390, dark=True)
        self.learn(steps=20)
        self.assertLessEqual(self.browser.execute_script("return document.documentElement.scrollWidth"), 390)
        small = self.browser.execute_script("""
            return [...document.querySelectorAll("button, select, input:not([type=radio])")]
              .filter((e) => e.offsetParent && e.getBoundingClientRect().height < 39).map((e) => e.id)""")
        self.assertEqual(small, [])
        canvas = self.find("scatter")
        canvas.send_keys(Keys.ARROW_RIGHT)  # a first point, then its neighbours
        first = self.text("chosen-text")
        canvas.send_keys("3")
        self.wait(lambda: self.text("count") == "1")
        canvas.send_keys(Keys.ARROW_LEFT)
        self.wait(lambda: self.text("chosen-text") != first)
        canvas.send_keys("5")
        self.wait(lambda: self.text("accuracy") != "-")
        self.assertIn("labelled 5", self.wait(lambda: "labelled" in self.text("chosen-text") and self.text("chosen-text")))
        canvas.send_keys("5")  # takes it away again
        self.wait(lambda: self.text("count") == "1" and self.text("accuracy") == "-")

    def test_every_control_is_reached_by_tab(self):
        reached = set()
        self.browser.execute_script("document.activeElement.blur(); window.scrollTo(0, 0)")
        for _ in range(40):
            self.browser.switch_to.active_element.send_keys(Keys.TAB)
            reached.add(self.browser.execute_script("return document.activeElement.id"))
        self.assertLessEqual({"rule", "layers", "steps", "seed", "start", "scatter", "class-name", "clear"}, reached)

    def test_a_table_of_ones_own(self):
        random = np.random.default_rng(0)
        kinds = random.integers(0, 3, 150)
        values = random.normal(size=(150, 5)) + 3 * np.eye(5)[kinds]
        with open(self.folder / "plants.csv", "w", encoding="utf-8") as file:
            print("a,b,c,d,e,kind", file=file)
            for row, kind in zip(values, kinds):
                print(*(f"{v:.4f}" for v in row), f"kind {kind}", sep=",", file=file)
        self.browser.find_element(By.CSS_SELECTOR, "input[value=table]").click()
        self.find("table-file").send_keys(str(self.folder / "plants.csv"))
        self.wait(lambda: "150 rows" in self.text("data-text"))
        self.find("table-label").send_keys("kind")
        self.wait(lambda: "3 classes" in self.text("data-text"))
        self.learn(steps=50)
        self.reveal(3)
        self.assertGreater(float(self.text("accuracy").split()[0]), 80)
        self.find("scatter").send_keys(Keys.ARROW_UP)
        self.wait(lambda: "a " in self.text("chosen-text"))
        self.keep("table-1280-light")

    def test_pictures_of_ones_own_and_their_folders(self):
        for n in range(40):
            picture = np.full((40, 30, 3), 20 + n, np.uint8)
            picture[(slice(None), slice(10, 16)) if n % 2 else (slice(10, 16), slice(None))] = 220
            path = self.folder / "shapes" / ("upright" if n % 2 else "flat") / f"{n}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(path)
        (self.folder / "shapes" / "flat" / "notes.png").write_text("no picture")
        self.browser.find_element(By.CSS_SELECTOR, "input[value=pictures]").click()
        self.find("picture-folder").send_keys(str(self.folder / "shapes"))
        self.wait(lambda: "40 rows" in self.text("data-text"))
        self.assertIn("1 files are no pictures", self.text("data-text"))
        self.learn(steps=20)
        self.reveal(2)
        self.assertGreater(float(self.text("accuracy").split()[0]), 90)

    def test_a_bad_table_gets_one_line(self):
        (self.folder / "bad.csv").write_text("a,b\n1,2\n3\n", encoding="utf-8")
        self.browser.find_element(By.CSS_SELECTOR, "input[value=table]").click()
        self.find("table-file").send_keys(str(self.folder / "bad.csv"))
        self.wait(lambda: "error" in self.find("data-text").get_attribute("class"))
        self.assertIn("expected", self.text("data-text"))

    def test_nothing_is_loaded(self):
        text = PAGE.read_text(encoding="utf-8")
        self.assertNotIn("<script src", text)
        self.assertNotIn("<link rel=\"stylesheet", text)
        self.learn(steps=3)
        loaded = self.browser.execute_script("return performance.getEntriesByType('resource').map((e) => e.name)")
        self.assertEqual([name for name in loaded if not name.startswith(("blob:", "data:"))], [])


def main():
    global PAGE, PICTURES
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("page", type=pathlib.Path)
    parser.add_argument("--pictures", type=pathlib.Path)
    arguments, rest = parser.parse_known_args()
    PAGE, PICTURES = arguments.page.resolve(), arguments.pictures
    if PICTURES:
        PICTURES = PICTURES.resolve()
        PICTURES.mkdir(parents=True, exist_ok=True)
    Playground.program = os.path.abspath(arguments.program)
    unittest.main(argv=[sys.argv[0], *rest])


if __name__ == "__main__":
    main()

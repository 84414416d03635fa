#!/usr/bin/env python3
"""Writes folders of WAV files: words spoken by espeak-ng at several speeds and pitches, one sub-folder per word.

usage: make_words.py FOLDER [WORD ...]     without words: the digits

FOLDER/unlabelled, FOLDER/labelled and FOLDER/test have different speakers. The same words give the same files.
"""
import concurrent.futures
import itertools
import pathlib
import subprocess
import sys

DIGITS = "zero one two three four five six seven eight nine".split()
ACCENTS = ["en-gb", "en-us", "en-gb-scotland", "en-029"]
SPEAKERS = {"unlabelled": ["m1", "m2", "m4", "m5", "f1", "f2"], "labelled": ["m3", "m6", "f3"],
            "test": ["m7", "m8", "f4", "f5"]}
SPEEDS = {"unlabelled": [120, 145, 175, 210], "labelled": [130, 190], "test": [130, 190]}  # words per minute
PITCHES = {"unlabelled": [35, 65], "labelled": [40, 60], "test": [40, 60]}  # of 0 to 99


def speak(path, word, voice, speed, pitch):
    subprocess.run(["espeak-ng", "-v", voice, "-s", str(speed), "-p", str(pitch), "-w", str(path), word], check=True)


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    words = sys.argv[2:] or DIGITS
    jobs = []
    for part, speakers in SPEAKERS.items():
        for word in words:
            (pathlib.Path(sys.argv[1]) / part / word).mkdir(parents=True, exist_ok=True)
        for word, accent, speaker, speed, pitch in itertools.product(words, ACCENTS, speakers, SPEEDS[part],
                                                                     PITCHES[part]):
            name = f"{accent}-{speaker}-{speed}-{pitch}.wav"
            jobs.append((pathlib.Path(sys.argv[1]) / part / word / name, word, f"{accent}+{speaker}", speed, pitch))
    try:
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda job: speak(*job), jobs))
    except FileNotFoundError:
        sys.exit("make_words.py: expected the program espeak-ng, found none; apt-get install espeak-ng")
    print(f"wrote {len(jobs)} sounds of {len(words)} words to {sys.argv[1]}")


if __name__ == "__main__":
    main()

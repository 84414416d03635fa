#!/usr/bin/env python3
"""Writes folders of WAV files: words spoken by espeak-ng at several speeds and pitches, one sub-folder per word.

As in a recording, a word starts up to half a second late, is louder or softer, and lies in noise.

usage: make_words.py FOLDER [WORD ...]     without words: the digits

FOLDER/unlabelled, FOLDER/labelled and FOLDER/test have different speakers. The same words give the same files.
"""
import array
import concurrent.futures
import io
import itertools
import math
import pathlib
import random
import subprocess
import sys
import wave

DIGITS = "zero one two three four five six seven eight nine".split()
ACCENTS = ["en-gb", "en-us", "en-gb-scotland", "en-029"]
SPEAKERS = {"unlabelled": ["m1", "m2", "m4", "m5", "f1", "f2"], "labelled": ["m3", "m6", "f3"],
            "test": ["m7", "m8", "f4", "f5"]}
SPEEDS = {"unlabelled": [120, 145, 175, 210], "labelled": [130, 190], "test": [130, 190]}  # words per minute
PITCHES = {"unlabelled": [35, 65], "labelled": [40, 60], "test": [40, 60]}  # of 0 to 99


RATE = 22050  # espeak-ng's
LONGEST_WAIT = 0.5  # seconds
NOISE = (5, 20)  # decibels that the word is louder than the noise
GAIN = (0.2, 1.0)
NOISES = array.array("f", (random.Random(0).gauss(0, 1) for _ in range(1 << 18)))


def record(samples, draw):
    wait = draw.randrange(int(LONGEST_WAIT * RATE))
    gain = draw.uniform(*GAIN)
    power = sum(x * x for x in samples) / len(samples)
    noise = math.sqrt(power) * 10 ** (-draw.uniform(*NOISE) / 20)
    start = draw.randrange(len(NOISES) - len(samples) - wait)
    noises = NOISES[start:start + wait + len(samples)]
    words = itertools.chain(itertools.repeat(0, wait), samples)
    return array.array("h", (max(-32768, min(32767, int(gain * (x + noise * n)))) for x, n in zip(words, noises)))


def speak(path, word, voice, speed, pitch):
    command = ["espeak-ng", "-v", voice, "-s", str(speed), "-p", str(pitch), "--stdout", word]
    spoken = subprocess.run(command, check=True, capture_output=True).stdout
    # Written to a pipe, the header does not know the length.
    samples = array.array("h", spoken[44:len(spoken) - len(spoken) % 2])
    draw = random.Random(f"{path.parent.parent.name}/{path.parent.name}/{path.name}")
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(record(samples, draw).tobytes())
    path.write_bytes(buffer.getvalue())


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

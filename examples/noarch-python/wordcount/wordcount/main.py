"""Finds the word that comes most often."""
import collections
import sys


def most_common(text):
    """Return the word and how often it comes; of several the first."""
    return collections.Counter(text.split()).most_common(1)[0]


def run():
    """Read standard input and print what was found."""
    print(*most_common(sys.stdin.read()))

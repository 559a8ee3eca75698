#!/usr/bin/env python3
"""Print random requests for a channel, one a line, always the same for the same seed.

    bench/requests.py CHANNEL COUNT SEED

A request has one to six names of the channel, most with a bound on a version that the name has.
"""
import json, random, sys


def main(channel, count, seed):
    versions = {}
    for subdir in ("linux-64", "noarch"):
        try:
            with open(f"{channel}/{subdir}/repodata.json") as f:
                doc = json.load(f)
        except FileNotFoundError:
            continue
        for section in ("packages", "packages.conda"):
            for r in doc.get(section, {}).values():
                versions.setdefault(r["name"], set()).add(r["version"])
    names = sorted(n for n in versions if not n.startswith("_"))
    rnd = random.Random(int(seed))
    for _ in range(int(count)):
        specs = []
        for name in rnd.sample(names, min(len(names), rnd.choice((1, 2, 2, 3, 3, 4, 6)))):
            version = rnd.choice(sorted(versions[name]))
            specs.append(name + rnd.choice(("", "", f" >={version}", f" <={version}", f" =={version}", f" <{version}", f" !={version}", f" {version}.*")))
        print(";".join(specs))


if __name__ == "__main__":
    main(*sys.argv[1:])

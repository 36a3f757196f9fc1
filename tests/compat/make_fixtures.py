#!/usr/bin/python3
"""make_fixtures.py DIR [NAME...]: real servers make the folders of makers/ in DIR; a folder that exists is left alone."""

import shutil
import sys
from pathlib import Path

from makers import ensemble, standalone, tarballs
from zkreal import Lab

MAKERS = {
    "zk-3.8.0-clock-step": standalone.clock_step,
    "zk-3.8.0-close-session-off": standalone.close_session_off,
    "zk-3.8.0-close-session-off-empty": standalone.close_session_off_empty,
    "zk-3.8.0-deep-multi": standalone.deep_multi,
    "zk-3.8.0-lost-ttl": standalone.lost_ttl,
    "zk-3.8.0-posix-charset": standalone.posix_charset,
    "zk-3.8.0-purged": standalone.purged,
    "zk-3.8.0-quota": standalone.quota,
    "zk-3.8.0-root-names": standalone.root_names,
    "zk-3.8.0-shop": standalone.shop,
    "zk-3.8.0-split-dirs": standalone.split_dirs,
    "zk-3.8.0-stale-tail": ensemble.stale_tail,
    "zk-3.8.0-tarballs": tarballs.tarballs,
}


def main(target, *names):
    for name in names or MAKERS:
        folder = Path(target) / name
        if folder.exists():
            print(f"kept     {folder}")
            continue
        with Lab() as lab:
            made = lab.dir / name
            MAKERS[name](lab, made)
            shutil.move(made, folder)
        print(f"made     {folder}")


if __name__ == "__main__":
    main(*sys.argv[1:])

# SPDX-License-Identifier: GPL-2.0-or-later
"""A test that is a story: steps of which each goes on where the former ended.

    class Guest(story.Story, wh.HostTest):
        def step_it_boots(self): ...
        def step_it_is_whole(self): ...
"""

import unittest


class Story:
    """The step_ methods of the class, in the order in which they are written, are one test."""

    def test_story(self):
        for step in [name for name in type(self).__dict__ if name.startswith("step_")]:
            try:
                getattr(self, step)()
                print(f"  {step.removeprefix('step_')}: ok", flush=True)
            except unittest.SkipTest as reason:
                print(f"  {step.removeprefix('step_')}: skipped: {reason}", flush=True)
            except BaseException as error:
                error.add_note(f"in {step} of {type(self).__name__}")
                raise
            finally:
                self.doCleanups()

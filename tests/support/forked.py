"""What an operator does in a process that was forked after it had run: LibTorch's threads are gone there."""
import os
import select
import signal

import torch


def check(case, call):
    """call() refuses to run, with a message; with one thread it runs. Nothing hangs."""
    call()
    for threads, expected in (None, b"forked"), (1, b"fine"):
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                if threads:
                    torch.set_num_threads(threads)
                call()
                os.write(writer, b"fine")
            except RuntimeError as error:
                os.write(writer, b"forked" if "was forked" in str(error) else b"something else")
            finally:
                os._exit(0)
        os.close(writer)
        answered, _, _ = select.select([reader], [], [], 60)
        if not answered:
            os.kill(child, signal.SIGKILL)
        case.assertTrue(answered, "the child hangs")
        case.assertEqual(os.read(reader, 100), expected)
        os.close(reader)
        os.waitpid(child, 0)

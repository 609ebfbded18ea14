# SPDX-License-Identifier: GPL-2.0-or-later
"""What `nft -s list` shows of the host's rules, by the library that the program is made of: without a process."""

import ctypes

STATELESS = 4  # NFT_CTX_OUTPUT_STATELESS: without counters

_library = ctypes.CDLL("libnftables.so.1")
_library.nft_ctx_new.restype = ctypes.c_void_p
_library.nft_ctx_get_output_buffer.restype = ctypes.c_char_p
_context = None


def _new():
    context = ctypes.c_void_p(_library.nft_ctx_new(0))
    for call in _library.nft_ctx_buffer_output, _library.nft_ctx_buffer_error:
        call(context)
    _library.nft_ctx_output_set_flags(context, STATELESS)
    return context


def table(name):
    """The table, as "inet warren"; nothing where there is none."""
    global _context
    _context = _context or _new()
    failed = _library.nft_run_cmd_from_buffer(_context, f"list table {name}".encode())
    text = _library.nft_ctx_get_output_buffer(_context).decode()
    _library.nft_ctx_get_error_buffer(_context)
    return "" if failed else text

"""Requests kazoo 2.8 cannot build: create2, containers, TTL nodes, null data, and multis of anything."""

import struct
from collections import namedtuple

from kazoo.protocol.serialization import (CheckVersion, Delete, MultiHeader, SetData, int_struct, multiheader_struct,
                                          read_string, write_buffer, write_string)
from kazoo.security import OPEN_ACL_UNSAFE

CREATE, CREATE2, CONTAINER, TTL = 1, 15, 19, 21
EPHEMERAL, SEQUENTIAL = 1, 2
STAT_BYTES = 68


class Create(namedtuple("Create", "path data acl flags type ttl")):
    def serialize(self):
        acl = self.acl or OPEN_ACL_UNSAFE
        b = write_string(self.path) + write_buffer(self.data) + int_struct.pack(len(acl))
        for a in acl:
            b += int_struct.pack(a.perms) + write_string(a.id.scheme) + write_string(a.id.id)
        b += int_struct.pack(self.flags)
        return bytearray(b + (struct.pack("!q", self.ttl) if self.type == TTL else b""))

    @staticmethod
    def deserialize(data, offset):
        return read_string(data, offset)[0]


class Multi(namedtuple("Multi", "operations")):
    type = 14

    def serialize(self):
        b = bytearray()
        for op in self.operations:
            b += MultiHeader(op.type, False, -1).serialize() + op.serialize()
        return b + multiheader_struct.pack(-1, True, -1)

    @staticmethod
    def deserialize(data, offset):
        """One entry per operation: the path made, None, or the error number."""
        results = []
        while True:
            header, offset = MultiHeader.deserialize(data, offset)
            if header.done:
                return results
            result = None
            if header.type in (CREATE, CREATE2, CONTAINER, TTL):
                result, offset = read_string(data, offset)
                offset += 0 if header.type == CREATE else STAT_BYTES
            elif header.type == SetData.type:
                offset += STAT_BYTES
            elif header.type == -1:
                result, offset = int_struct.unpack_from(data, offset)[0], offset + int_struct.size
            results.append(result)


def create(path, data=b"", acl=None, flags=0):
    return Create(path, data, acl, flags, CREATE, 0)


def create2(path, data=b"", acl=None, flags=0):
    return Create(path, data, acl, flags, CREATE2, 0)


def container(path, data=b""):
    return Create(path, data, None, 4, CONTAINER, 0)


def ttl(path, milliseconds, data=b"", sequential=False):
    return Create(path, data, None, 6 if sequential else 5, TTL, milliseconds)


def delete(path, version=-1):
    return Delete(path, version)


def set_data(path, data, version=-1):
    return SetData(path, data, version)


def check(path, version):
    return CheckVersion(path, version)


def call(client, request):
    result = client.handler.async_result()
    client._call(request, result)
    return result.get(30)


def multi(client, *operations):
    return call(client, Multi(list(operations)))

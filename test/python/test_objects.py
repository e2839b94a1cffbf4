"""Instances that stay in the worker."""

import gc
import weakref

import numpy as np
import pytest
from isthmus.codec import Codec
from isthmus.errors import ObjectGoneError, UnsupportedValueError
from isthmus.objects import Objects
from msgspec.msgpack import Ext, decode, encode


class Simulation:
    def __array__(self):
        raise AssertionError("an object is not sent as its values")


def named(number):
    return encode([Ext(4, number.to_bytes(4, "big"))])


def test_an_object_is_found_by_its_id_until_it_is_dropped():
    objects = Objects()
    simulation = Simulation()
    number = objects.put(simulation)
    assert number > 0 and objects.get(number) is simulation and len(objects) == 1
    objects.drop(number)
    objects.drop(number)
    assert len(objects) == 0 and objects.number_of(simulation) is None
    with pytest.raises(ObjectGoneError, match=f"no object {number}"):
        objects.get(number)


def test_dropping_an_object_lets_it_go():
    objects = Objects()
    gone = weakref.ref(simulation := Simulation())
    number = objects.put(simulation)
    del simulation
    assert gone() is not None
    objects.drop(number)
    gc.collect()
    assert gone() is None


def test_an_instance_that_is_put_twice_is_two_objects():
    objects = Objects()
    simulation = Simulation()
    first, second = objects.put(simulation), objects.put(simulation)
    assert first != second
    objects.drop(first)
    assert objects.get(second) is simulation and objects.number_of(simulation) == second


def test_an_id_is_not_used_again():
    objects = Objects()
    first = objects.put(1)
    objects.drop(first)
    assert objects.put(1) != first


def test_an_object_crosses_as_itself_both_ways():
    objects = Objects()
    codec = Codec(None, objects)
    number = objects.put(simulation := Simulation())
    assert codec.decode(named(number), None) == [simulation]
    payload, arrays = codec.encode({"x": [simulation, np.arange(2)]})
    assert decode(payload)["x"][0] == Ext(4, number.to_bytes(4, "big")) and len(arrays) == 1


def test_an_object_that_was_dropped_is_a_typed_error():
    with pytest.raises(ObjectGoneError) as raised:
        Codec(None, Objects()).decode(named(7), None)
    assert raised.value.code == "ERR_OBJECT_GONE"


def test_an_instance_that_is_no_object_cannot_be_sent():
    with pytest.raises(UnsupportedValueError):
        Codec(None, Objects()).encode(object())

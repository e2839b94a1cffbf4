"""What the adapters do without a worker: examples/inference has them in one."""

import numpy as np
import pytest

rows = np.random.default_rng(0).standard_normal((3, 4), np.float32)
weights = np.random.default_rng(1).standard_normal((4, 2), np.float32)


@pytest.fixture(scope="module")
def model():
    """rows [n, 4] → product [n, 2], and where it is not 0, [2, k]: nobody knows k before."""
    pytest.importorskip("onnxruntime")
    onnx = pytest.importorskip("onnx")
    helper, kinds = onnx.helper, onnx.TensorProto
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["rows", "weights"], ["product"]),
            helper.make_node("NonZero", ["product"], ["places"]),
        ],
        "product",
        [helper.make_tensor_value_info("rows", kinds.FLOAT, ["n", 4])],
        [
            helper.make_tensor_value_info("product", kinds.FLOAT, ["n", 2]),
            helper.make_tensor_value_info("places", kinds.INT64, [2, "k"]),
        ],
        [onnx.numpy_helper.from_array(weights, "weights")],
    )
    opset = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()


@pytest.fixture
def onnx_session(model):
    from isthmus.adapters.onnx import Session

    return lambda **options: Session(model, **options)


def test_onnx_returns_every_output_also_one_whose_shape_only_the_run_tells(onnx_session):
    product, places = onnx_session()(rows)
    np.testing.assert_allclose(product, rows @ weights, rtol=1e-5)
    assert places.shape == (2, 6)


def test_onnx_returns_one_array_if_one_output_is_wanted(onnx_session):
    session = onnx_session(outputs=["product"], threads=1)
    for given in (rows, np.asfortranarray(rows), rows.tolist(), rows[::-1][::-1]):
        np.testing.assert_allclose(session(given), rows @ weights, rtol=1e-5)
    np.testing.assert_allclose(session(rows=rows), rows @ weights, rtol=1e-5)
    assert session(rows[:0]).shape == (0, 2)


def test_onnx_takes_a_session_that_was_made_already(onnx_session):
    from isthmus.adapters.onnx import Session

    made = onnx_session().session
    assert Session(made).session is made


def test_onnx_refuses_arguments_that_are_not_the_inputs(onnx_session):
    session = onnx_session()
    for args, named in [((), {}), ((rows, rows), {}), ((rows,), {"rows": rows}), ((), {"x": rows})]:
        with pytest.raises(TypeError, match="the model takes rows, each once"):
            session(*args, **named)
    with pytest.raises(TypeError, match="rows takes float32, and got float64"):
        session(rows.astype(np.float64))
    with pytest.raises(Exception, match="Got: 3 Expected: 4"):
        session(rows[:, :3])


def test_onnx_names_the_outputs_that_there_are(onnx_session):
    with pytest.raises(ValueError, match="no output label; it has product, places"):
        onnx_session(outputs=["label"])


def test_onnx_refuses_what_is_no_tensor_of_numbers():
    pytest.importorskip("onnxruntime")
    onnx = pytest.importorskip("onnx")
    from isthmus.adapters.onnx import Session

    text = onnx.helper.make_tensor_value_info("words", onnx.TensorProto.STRING, ["n"])
    same = onnx.helper.make_tensor_value_info("same", onnx.TensorProto.STRING, ["n"])
    node = onnx.helper.make_node("Identity", ["words"], ["same"])
    graph = onnx.helper.make_graph([node], "text", [text], [same])
    opset = [onnx.helper.make_opsetid("", 17)]
    model = onnx.helper.make_model(graph, opset_imports=opset, ir_version=8)
    with pytest.raises(TypeError, match=r"words is tensor\(string\), and only tensors of numbers"):
        Session(model.SerializeToString())


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


def test_torch_sees_the_bytes_of_an_array_and_gives_them_back(torch):
    from isthmus.adapters.torch import asarray, astensor

    tensor = astensor(rows)
    assert tensor.data_ptr() == rows.ctypes.data == asarray(tensor).ctypes.data


def test_a_torch_model_evaluates_and_returns_arrays_where_it_has_tensors(torch):
    from isthmus.adapters.torch import Model

    class Several(torch.nn.Module):
        def forward(self, x):
            assert not self.training
            assert torch.is_inference_mode_enabled()
            return {"twice": x * 2, "parts": (x, [x.T]), "count": len(x)}

    result = Model(Several())(rows)
    np.testing.assert_array_equal(result["twice"], rows * 2)
    np.testing.assert_array_equal(result["parts"][1][0], rows.T)
    assert result["count"] == 3


def test_torch_refuses_dtypes_that_numpy_does_not_have(torch):
    from isthmus.adapters.torch import asarray

    with pytest.raises(TypeError, match="numpy has no bfloat16"):
        asarray(torch.zeros(2, dtype=torch.bfloat16))

"""Checks an ONNX model with onnx and runs it with onnxruntime; prints one JSON line.

usage: verify_onnx.py MODEL INPUT EXPECTED TOLERANCE

INPUT and EXPECTED are raw little-endian float32 files; the batch size follows from INPUT's length. An empty EXPECTED file
compares nothing. The line holds ok, reason, max_abs_difference (of the first output), shape (of the first output).
"""
import json
import sys


def verify(model_file, input_file, expected_file, tolerance):
    import numpy
    import onnx
    import onnxruntime

    onnx.checker.check_model(model_file, full_check=True)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model_file, options, providers=["CPUExecutionProvider"])
    source = session.get_inputs()[0]
    sample = source.shape[1:]
    values = numpy.fromfile(input_file, dtype="<f4").reshape([-1, *sample])
    result = session.run(None, {source.name: values})[0]
    report = {"ok": True, "reason": "", "max_abs_difference": 0.0, "shape": list(result.shape)}
    expected = numpy.fromfile(expected_file, dtype="<f4")
    if expected.size == 0:
        return report
    if expected.size != result.size:
        reason = f"onnxruntime gives {result.size} values, expected {expected.size}"
        return {**report, "ok": False, "reason": reason}
    difference = float(numpy.abs(expected.reshape(result.shape) - result).max())
    # written so that a difference that is no number fails
    if not difference <= tolerance:
        reason = f"outputs differ by {difference:.3g}, more than {tolerance:g}"
        return {**report, "ok": False, "reason": reason, "max_abs_difference": difference if difference == difference else None}
    return {**report, "max_abs_difference": difference}


def main():
    try:
        report = verify(sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4]))
    except ImportError as error:
        report = {"ok": False, "reason": f"{sys.executable} lacks a package: {error} (pip install numpy onnx onnxruntime)"}
    except Exception as error:  # whatever the two checkers throw is the answer
        report = {"ok": False, "reason": " ".join(f"{type(error).__name__}: {error}".split())[:500]}
    print(json.dumps(report))


main()

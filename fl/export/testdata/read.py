# Copyright The Vecino Authors
# SPDX-License-Identifier: Apache-2.0
#
# An independent reader of safetensors: prints of each file the metadata, the
# tensors, and what a row of 1, 2, 3... becomes in its first layer, (in, out).
import json, struct, sys


def read(path):
    data = open(path, "rb").read()
    (n,) = struct.unpack_from("<Q", data)
    header, data, end, tensors = json.loads(data[8 : 8 + n]), data[8 + n :], 0, {}
    metadata = header.pop("__metadata__")
    for name, t in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        (begin, stop), size = t["data_offsets"], 4
        for d in t["shape"]:
            size *= d
        assert t["dtype"] == "F32" and begin == end and stop == begin + size
        tensors[name], end = struct.unpack("<%df" % (size // 4), data[begin:stop]), stop
    assert end == len(data) and n % 8 == 0
    result = {"metadata": metadata, "tensors": tensors}
    if "dense1.weight" in header and not any(name.startswith(("conv", "gru")) for name in header):
        (rows, cols), w, b = header["dense1.weight"]["shape"], tensors["dense1.weight"], tensors["dense1.bias"]
        result["first"] = [b[j] + sum((i + 1) * w[i * cols + j] for i in range(rows)) for j in range(cols)]
    return result


json.dump([read(path) for path in sys.argv[1:]], sys.stdout)

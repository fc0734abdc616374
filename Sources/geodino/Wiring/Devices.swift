// Devices and element types by name.
import Telemetry
import Torch

extension Device {
    /// Reads `cpu` or `cuda:N`, and checks that the device is there.
    init(named name: String) throws {
        guard let device = Device(name) else {
            throw CommandError(.badArgument, "unknown device '\(name)'", try: "--device cpu, or --device cuda:0")
        }
        try Torch.load()
        if device != .cpu, !Torch.isCUDAAvailable {
            throw CommandError(
                .badArgument, "the device is '\(name)', but this libtorch finds no GPU",
                why: ["CUDA: \(try Torch.info().cuda)"],
                try: "--device cpu, or install a CUDA build of libtorch (see README.md, Choosing a libtorch)")
        }
        if case .cuda(let index) = device, index >= Torch.cudaDeviceCount {
            throw CommandError(
                .badArgument, "no device '\(name)': the GPUs are cuda:0 to cuda:\(Torch.cudaDeviceCount - 1)")
        }
        self = device
    }
}

/// The types that networks compute in, by their names on the command line.
let computeTypes: [String: DType] = ["float32": .float32, "float64": .float64, "bfloat16": .bfloat16]

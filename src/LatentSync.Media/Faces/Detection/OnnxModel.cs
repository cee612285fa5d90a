using LatentSync.Foundation.Files;
using LatentSync.Foundation.Wording;
using Microsoft.ML.OnnxRuntime;

namespace LatentSync.Media.Faces.Detection;

/// <summary>An ONNX model given by the user, opened on ONNX Runtime.</summary>
internal sealed class OnnxModel : IDisposable
{
    private const long MaxBytes = 1L << 30;
    private const string Cuda = "CUDAExecutionProvider";

    private readonly InferenceSession _session;

    private OnnxModel(string path, InferenceSession session, string provider)
    {
        Path = path;
        _session = session;
        Provider = provider;
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>Where it runs, and why not on the GPU when that was tried.</summary>
    public string Provider { get; }

    /// <summary>Names of the outputs, in the order of the file.</summary>
    public IReadOnlyList<string> OutputNames => _session.OutputNames;

    /// <summary>Shape of the first input; -1 where the file leaves it open.</summary>
    public IReadOnlyList<int> InputShape => _session.InputMetadata[_session.InputNames[0]].Dimensions;

    /// <summary>Opens a model.</summary>
    /// <param name="path">The .onnx file.</param>
    /// <param name="role">What it is for, in words.</param>
    /// <exception cref="FaceException">The file is missing or no ONNX model.</exception>
    public static OnnxModel Open(string path, Sentence role)
    {
        try
        {
            _ = InputFile.Require(path, MaxBytes);
        }
        catch (InputFileException e)
        {
            throw new FaceException(
                e.Fault == InputFileFault.TooLarge ? FaceFault.Model : FaceFault.Missing,
                $"The {role} {path} {e.Problem}.",
                path,
                innerException: e
            );
        }
        (InferenceSession session, string provider) = OpenSession(path, role);
        var model = new OnnxModel(path, session, provider);
        if (
            session.InputNames.Count != 1
            || model.InputShape.Count != 4
            || session.InputMetadata[session.InputNames[0]].ElementType != typeof(float)
        )
        {
            session.Dispose();
            throw new FaceException(
                FaceFault.Model,
                $"The {role} {path} is a different kind of ONNX model: it must have one float32 input of four dimensions.",
                path
            );
        }
        return model;
    }

    /// <summary>Runs the model.</summary>
    /// <param name="input">Row-major values.</param>
    /// <param name="shape">(batch, channels, height, width).</param>
    /// <returns>One array per output, in the order of the file.</returns>
    public float[][] Run(float[] input, long[] shape)
    {
        try
        {
            using OrtValue value = OrtValue.CreateTensorValueFromMemory(input, shape);
            using var options = new RunOptions();
            using IDisposableReadOnlyCollection<OrtValue> outputs = _session.Run(
                options,
                _session.InputNames,
                [value],
                _session.OutputNames
            );
            return [.. outputs.Select(output => output.GetTensorDataAsSpan<float>().ToArray())];
        }
        catch (OnnxRuntimeException e)
        {
            throw new FaceException(FaceFault.Model, $"The model {Path} failed: {e.Message}", Path, innerException: e);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _session.Dispose();

    private static (InferenceSession Session, string Provider) OpenSession(string path, Sentence role)
    {
        string why = string.Empty;
        try
        {
            if (OrtEnv.Instance().GetAvailableProviders().Contains(Cuda))
            {
                try
                {
                    using SessionOptions gpu = Options();
                    gpu.AppendExecutionProvider_CUDA();
                    return (new InferenceSession(path, gpu), Cuda);
                }
                catch (OnnxRuntimeException e)
                {
                    why = $" ({Cuda} did not load: {e.Message})";
                }
            }
            using SessionOptions cpu = Options();
            return (new InferenceSession(path, cpu), "CPUExecutionProvider" + why);
        }
        catch (OnnxRuntimeException e)
        {
            throw new FaceException(
                FaceFault.Model,
                $"The {role} {path} cannot be loaded by ONNX Runtime: {e.Message}",
                path,
                innerException: e
            );
        }
    }

    private static SessionOptions Options() => new() { LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
}

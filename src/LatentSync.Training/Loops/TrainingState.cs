using System.Globalization;
using LatentSync.Checkpoints;
using LatentSync.Foundation.Wording;
using LatentSync.Models.Loading;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Training.Loops;

/// <summary>What a training needs to go on exactly: weights, moments, averages, step, loss curve. One file, replaced atomically.</summary>
internal static class TrainingState
{
    private const string Format = "latentsync-training-1";

    /// <summary>Writes the file beside its target and renames it when it is complete.</summary>
    public static void Write(string path, string task, long step, IEnumerable<KeyValuePair<string, Tensor>> tensors, LossHistory history)
    {
        Dictionary<string, string> metadata = new()
        {
            ["format"] = Format,
            ["task"] = task,
            ["step"] = step.ToString(CultureInfo.InvariantCulture),
            ["losses"] = history.ToCsv(),
        };
        SafetensorsWriter.Write(path, tensors.Select(t => KeyValuePair.Create(t.Key, StateDictWriter.Payload(t.Value))), metadata);
    }

    /// <summary>Fills the tensors from the file.</summary>
    /// <returns>The step that was done last, and the loss curve up to it.</returns>
    /// <exception cref="TrainingException">The file is of another training: names what differs. Nothing was copied.</exception>
    /// <exception cref="CheckpointFormatException">The file is damaged.</exception>
    public static (long Step, LossHistory History) Read(string path, string task, IReadOnlyList<KeyValuePair<string, Tensor>> tensors)
    {
        using TensorArchive archive = TensorArchive.Open(path);
        string? Value(string key) => archive.Metadata.GetValueOrDefault(key);
        if (
            Value("format") != Format
            || Value("task") != task
            || !long.TryParse(Value("step"), NumberStyles.None, CultureInfo.InvariantCulture, out long step)
        )
        {
            throw new TrainingException(
                $"{path} is not the state of a training of \"{task}\" (it says \"{Value("task") ?? Value("format")}\"): give another ⟦OutputFolder⟧, or remove the folder."
            );
        }
        foreach ((string name, Tensor tensor) in tensors)
        {
            if (!archive.Tensors.TryGetValue(name, out TensorInfo? info) || !info.Shape.SequenceEqual(tensor.shape))
            {
                string needed = string.Join(", ", tensor.shape);
                throw new TrainingException(
                    info is null
                        ? (Sentence)
                            $"{path} lacks {name}, which this configuration needs: the configuration has changed since. Give another ⟦OutputFolder⟧ to start a new run."
                        : $"{path} has ({string.Join(", ", info.Shape)}) for {name}, but this configuration needs ({needed}): the configuration has changed since. Give another ⟦OutputFolder⟧ to start a new run."
                );
            }
        }
        using IDisposable noGrad = no_grad();
        foreach ((string name, Tensor tensor) in tensors)
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor staging = empty(tensor.shape, tensor.dtype, CPU);
            archive.CopyTo(name, StateDictTypes.ElementTypeOf(tensor.dtype), staging.bytes);
            tensor.copy_(staging);
        }
        return (step, LossHistory.FromCsv(Value("losses") ?? string.Empty));
    }
}

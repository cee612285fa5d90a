using System.Globalization;
using System.Text.Json;
using LatentSync.Attention.Torch.Operators;
using LatentSync.Checkpoints;
using LatentSync.Checkpoints.Safetensors;
using LatentSync.Foundation.Files;
using LatentSync.Lab.Parity;

namespace LatentSync.Lab.Conformance;

/// <summary>Reads one entry of cases.json. Nothing in it is trusted: a file outside the folder, an unknown attribute, tensor or type are
/// refused with a sentence.</summary>
internal sealed class AttentionCaseReader(string folder, JsonElement entry)
{
    private const int MaximumTensors = 16;

    private static readonly string[] InputNames = ["Q", "K", "V", "attn_mask", "past_key", "past_value", "nonpad_kv_seqlen"];
    private static readonly string[] OutputNames = ["Y", "present_key", "present_value", "qk_matmul_output"];

    /// <summary>The entry's name, fit for a line of output; a stand-in when it has none.</summary>
    /// <param name="entry">The entry.</param>
    /// <param name="index">Its index, for the stand-in.</param>
    public static string NameOf(JsonElement entry, int index)
    {
        string? name =
            entry.ValueKind == JsonValueKind.Object
            && entry.TryGetProperty("name", out JsonElement value)
            && value.ValueKind == JsonValueKind.String
                ? value.GetString()
                : null;
        return string.IsNullOrWhiteSpace(name)
            ? string.Create(CultureInfo.InvariantCulture, $"case[{index}]")
            : string.Concat(name.Take(200).Select(c => char.IsControl(c) ? '?' : c));
    }

    /// <summary>The case.</summary>
    /// <param name="name">Its name.</param>
    /// <exception cref="ParityException">The entry is incomplete or not understood.</exception>
    public AttentionCase Read(string name)
    {
        if (entry.ValueKind != JsonValueKind.Object)
        {
            throw new ParityException("the entry is no JSON object");
        }
        (double? atol, double? rtol) = ReadTolerance();
        return new AttentionCase(
            name,
            ReadFile(),
            ReadAttributes(),
            ReadTensors("inputs", InputNames),
            ReadTensors("outputs", OutputNames),
            atol,
            rtol
        );
    }

    private string ReadFile()
    {
        string file =
            entry.TryGetProperty("file", out JsonElement value) && value.ValueKind == JsonValueKind.String
                ? value.GetString()!
                : throw new ParityException("the entry names no \"file\"");
        string root = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)) + Path.DirectorySeparatorChar;
        bool isPlain = file.Length is > 0 and <= 1024 && !file.Any(char.IsControl) && !Path.IsPathRooted(file);
        string path = isPlain ? Path.GetFullPath(Path.Combine(folder, file)) : string.Empty;
        return isPlain && path.StartsWith(root, StringComparison.Ordinal) && ResolvedPath.LeadsInto(folder, path)
            ? path
            : throw new ParityException("its \"file\" must be a path inside the folder of cases.json");
    }

    private OnnxAttentionAttributes ReadAttributes()
    {
        var attributes = new OnnxAttentionAttributes();
        if (!entry.TryGetProperty("attributes", out JsonElement all))
        {
            return attributes;
        }
        if (all.ValueKind != JsonValueKind.Object)
        {
            throw new ParityException("its \"attributes\" are no JSON object");
        }
        foreach (JsonProperty attribute in all.EnumerateObject())
        {
            attributes = attribute.Name switch
            {
                "is_causal" => attributes with { IsCausal = Whole(attribute, 0, 1) == 1 },
                "scale" => attributes with { Scale = Number(attribute) },
                "softcap" => attributes with { Softcap = Number(attribute) },
                "q_num_heads" => attributes with { QueryHeadCount = Whole(attribute, 1, int.MaxValue) },
                "kv_num_heads" => attributes with { KvHeadCount = Whole(attribute, 1, int.MaxValue) },
                "qk_matmul_output_mode" => attributes with { ScoreOutput = (OnnxScoreOutput)Whole(attribute, 0, 3) },
                "softmax_precision" => attributes with { SoftmaxPrecision = Precision(attribute) },
                "left_window_size" => attributes with { LeftWindow = Window(attribute) },
                "right_window_size" => attributes with { RightWindow = Window(attribute) },
                _ => throw new ParityException($"attribute \"{Plain(attribute.Name)}\" is not known"),
            };
        }
        return attributes;
    }

    private static OnnxPrecision Precision(JsonProperty attribute) =>
        (OnnxPrecision)Whole(attribute, 0, 100) is var precision && Enum.IsDefined(precision)
            ? precision
            : throw new ParityException("softmax_precision must be 1 (float32), 10 (float16), 11 (float64) or 16 (bfloat16)");

    private static int? Window(JsonProperty attribute) => Whole(attribute, -1, int.MaxValue) is var size and >= 0 ? size : null;

    private static int Whole(JsonProperty attribute, int least, int most)
    {
        double number = attribute.Value.ValueKind switch
        {
            JsonValueKind.True => 1,
            JsonValueKind.False => 0,
            _ => Number(attribute),
        };
        return number >= least && number <= most && number == Math.Floor(number)
            ? (int)number
            : throw new ParityException($"attribute {attribute.Name} must be a whole number from {least} to {most}");
    }

    private static double Number(JsonProperty attribute) =>
        attribute.Value.ValueKind == JsonValueKind.Number && attribute.Value.TryGetDouble(out double number) && double.IsFinite(number)
            ? number
            : throw new ParityException($"attribute {attribute.Name} must be a finite number");

    private List<CaseTensor> ReadTensors(string list, string[] known)
    {
        if (
            !entry.TryGetProperty(list, out JsonElement all)
            || all.ValueKind != JsonValueKind.Array
            || all.GetArrayLength() is 0 or > MaximumTensors
        )
        {
            throw new ParityException($"its \"{list}\" must be a list of 1 to {MaximumTensors} tensors");
        }
        var tensors = new List<CaseTensor>();
        foreach (JsonElement tensor in all.EnumerateArray())
        {
            string name = Text(tensor, "name", list);
            if (!known.Contains(name) || tensors.Any(other => other.Name == name))
            {
                throw new ParityException(
                    $"its \"{list}\" hold \"{Plain(name)}\", which is not one of {string.Join(", ", known)}, or twice"
                );
            }
            if (
                !tensor.TryGetProperty("shape", out JsonElement shape)
                || shape.ValueKind != JsonValueKind.Array
                || shape.GetArrayLength() > TensorInfo.MaxRank
            )
            {
                throw new ParityException($"{name} has no \"shape\"");
            }
            tensors.Add(
                new CaseTensor(
                    name,
                    ElementType(Text(tensor, "dtype", name), name),
                    [.. shape.EnumerateArray().Select(size => Size(size, name))]
                )
            );
        }
        return tensors;
    }

    private static long Size(JsonElement size, string name) =>
        size.ValueKind == JsonValueKind.Number && size.TryGetInt64(out long number) && number >= 0
            ? number
            : throw new ParityException($"the \"shape\" of {name} must hold whole numbers from 0");

    private static string Text(JsonElement owner, string key, string subject) =>
        owner.ValueKind == JsonValueKind.Object
        && owner.TryGetProperty(key, out JsonElement value)
        && value.ValueKind == JsonValueKind.String
            ? value.GetString()!
            : throw new ParityException($"{subject}: a text \"{key}\" is missing");

    private static TensorElementType ElementType(string text, string name) =>
        SafetensorsTypes.Find(text)
        ?? throw new ParityException(
            $"{name} has the type \"{Plain(text)}\"; F64, F32, F16, BF16, I64, I32, I16, I8, U8 and BOOL are read"
        );

    private (double? Atol, double? Rtol) ReadTolerance()
    {
        return entry.TryGetProperty("tolerance", out JsonElement tolerance) ? (Value("atol"), Value("rtol")) : (null, null);

        double? Value(string key) =>
            tolerance.ValueKind != JsonValueKind.Object || !tolerance.TryGetProperty(key, out JsonElement value) ? null
            : value.ValueKind == JsonValueKind.Number
            && value.TryGetDouble(out double number)
            && number is >= 0 and < double.PositiveInfinity
                ? number
            : throw new ParityException($"its tolerance \"{key}\" must be a number from 0");
    }

    /// <summary>Text from the file, short and without control characters.</summary>
    private static string Plain(string text) => string.Concat(text.Take(60).Select(c => char.IsControl(c) ? '?' : c));
}

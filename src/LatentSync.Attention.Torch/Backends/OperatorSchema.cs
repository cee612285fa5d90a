namespace LatentSync.Attention.Torch.Backends;

/// <summary>The declaration of a libtorch operator, as libtorch's own binary holds it:
/// <c>name(Tensor query, float dropout_p=0.0, *, float? scale=None) -> Tensor</c>.</summary>
internal sealed record OperatorSchema
{
    private readonly record struct Argument(string Declaration, bool HasDefault, bool IsKeywordOnly);

    private readonly List<Argument> _arguments = [];

    private OperatorSchema(string name) => Name = name;

    internal string Name { get; }

    /// <summary>Reads a declaration; null when the text is something else.</summary>
    internal static OperatorSchema? Parse(string text)
    {
        int open = text.IndexOf('(', StringComparison.Ordinal),
            close = text.IndexOf(") ->", StringComparison.Ordinal);
        if (open <= 0 || close < open)
        {
            return null;
        }
        var schema = new OperatorSchema(text[..open]);
        bool isKeywordOnly = false;
        foreach (
            string argument in text[(open + 1)..close].Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
        )
        {
            if (argument == "*")
            {
                isKeywordOnly = true;
                continue;
            }
            int equals = argument.IndexOf('=', StringComparison.Ordinal);
            schema._arguments.Add(new Argument(equals < 0 ? argument : argument[..equals], equals >= 0, isKeywordOnly));
        }
        return schema;
    }

    /// <summary>Why a call with these arguments would not compile; null when it does. Arguments that a newer libtorch added do not matter
    /// when they have a default.</summary>
    /// <param name="positional">Declarations of the arguments that are given by position, "float dropout_p".</param>
    /// <param name="keywords">Declarations of those that are given by name.</param>
    internal string? Mismatch(IReadOnlyList<string> positional, IReadOnlyList<string> keywords)
    {
        for (int i = 0; i < positional.Count; i++)
        {
            if (i >= _arguments.Count || _arguments[i].IsKeywordOnly || _arguments[i].Declaration != positional[i])
            {
                return $"argument {i + 1} is {(i < _arguments.Count ? _arguments[i].Declaration : "missing")}, not {positional[i]}";
            }
        }
        foreach (string keyword in keywords)
        {
            if (!_arguments.Skip(positional.Count).Any(argument => argument.Declaration == keyword))
            {
                return $"there is no argument {keyword}";
            }
        }
        Argument? missing = _arguments
            .Skip(positional.Count)
            .Where(argument => !argument.HasDefault && !keywords.Contains(argument.Declaration))
            .Select(argument => (Argument?)argument)
            .FirstOrDefault();
        return missing is { } left ? $"argument {left.Declaration} is required" : null;
    }
}

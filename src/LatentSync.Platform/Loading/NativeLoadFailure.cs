using LatentSync.Foundation.Wording;

namespace LatentSync.Platform.Loading;

/// <summary>What prevents a native library from loading, as data: the message and the doctor are written from it.</summary>
/// <param name="Cause">The kind of problem; decides <see cref="Code"/>.</param>
/// <param name="File">The library that cannot be loaded, as a path or name.</param>
/// <param name="Found">What is there, as a clause.</param>
/// <param name="Required">What would be needed, as a clause.</param>
/// <param name="Remedy">What to do, as an instruction.</param>
public sealed record NativeLoadFailure(NativeLoadCause Cause, string File, string Found, string Required, string Remedy)
{
    /// <summary>Stable code, NAT0101 to NAT0111.</summary>
    public string Code => FormattableString.Invariant($"NAT{101 + (int)Cause:0000}");

    /// <summary>The dependency, symbol version or symbol in question; null when the cause names none.</summary>
    public string? Subject { get; init; }

    /// <summary>The whole failure as one sentence and a remedy.</summary>
    public override string ToString() => Text.ToString();

    internal Sentence Text => $"{Code} {File} cannot be loaded: found {Found}; required {Required}. Remedy: {Remedy}.";
}

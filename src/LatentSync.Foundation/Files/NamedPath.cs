namespace LatentSync.Foundation.Files;

/// <summary>A file or folder and how its user knows it.</summary>
/// <param name="Name">For messages: the option, for instance "⟦VideoPath⟧".</param>
/// <param name="Path">The path; null or empty: not given.</param>
public readonly record struct NamedPath(string Name, string? Path);

namespace LatentSync.Weights.Catalogue;

/// <summary>Under what terms weights are given.</summary>
/// <param name="Name">"MIT".</param>
/// <param name="IsRestricted">It forbids uses that many have in mind, such as commercial ones: it has to be accepted first.</param>
/// <param name="Terms">Where the terms are; null: not known.</param>
public sealed record Licence(string Name, bool IsRestricted, Uri? Terms);

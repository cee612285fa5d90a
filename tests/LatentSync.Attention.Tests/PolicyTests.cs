using LatentSync.Attention.Rules;

namespace LatentSync.Attention.Tests;

public sealed class PolicyTests
{
    [Theory]
    [InlineData("auto", "auto")]
    [InlineData(" PREFER  Sliced ", "prefer sliced")]
    [InlineData("require torch-math", "require torch-math")]
    [InlineData("torch-flash", "require torch-flash")]
    [InlineData("forbid sliced, forbid torch-math", "forbid sliced, forbid torch-math")]
    [InlineData("prefer=torch-math,forbid=torch-flash", "prefer torch-math, forbid torch-flash")]
    public void Parse_Text_IsReadAndWrittenBack(string text, string written)
    {
        Policy policy = Policy.Parse(text, AttentionRules.BackendNames);
        Assert.Equal(written, policy.ToString());
        Assert.Equal(policy, Policy.Parse(written, AttentionRules.BackendNames));
    }

    [Theory]
    [InlineData("", "is not a clause")]
    [InlineData("flash", "there is no attention backend \"flash\"")]
    [InlineData("prefer", "\"prefer\" is not a clause")]
    [InlineData("prefer sliced torch-math", "is not a clause")]
    [InlineData("prefer sliced, prefer torch-math", "is not a clause")]
    [InlineData("require sliced, forbid torch-math", "cannot be combined")]
    [InlineData("prefer sliced, forbid sliced", "both preferred and forbidden")]
    [InlineData("reference", "there is no attention backend")]
    public void Parse_Nonsense_SaysWhatAndListsTheNames(string text, string why)
    {
        string message = Assert.Throws<FormatException>(() => Policy.Parse(text, AttentionRules.BackendNames)).Message;
        Assert.Contains(why, message, StringComparison.Ordinal);
        Assert.Contains(string.Join(", ", AttentionRules.BackendNames), message, StringComparison.Ordinal);
    }
}

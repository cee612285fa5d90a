using LatentSync.Attention.Rules;
using LatentSync.Foundation.Wording;
using Microsoft.Extensions.Options;

namespace LatentSync.Attention.Torch.Hosting;

/// <summary>Reads the texts of the options before anything is made from them, so that a misspelt policy is told by its name.</summary>
internal sealed class AttentionServiceOptionsCheck : IValidateOptions<AttentionServiceOptions>
{
    public ValidateOptionsResult Validate(string? name, AttentionServiceOptions options)
    {
        var failures = new List<string>();
        Try(() => options.Policy is null ? Policy.Auto : Policy.Parse(options.Policy, AttentionRules.BackendNames), nameof(options.Policy));
        Try(() => options.Language is null ? default : Languages.Parse(options.Language), nameof(options.Language));
        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);

        void Try<T>(Func<T> read, string property)
        {
            try
            {
                read();
            }
            catch (FormatException exception)
            {
                failures.Add($"{property}: {exception.Message}");
            }
        }
    }
}

using LatentSync.Attention.Selection;

namespace LatentSync.Attention.Constraints;

/// <summary>What the policy has against a backend.</summary>
internal static class PolicyRules
{
    /// <summary>The policy forbids the backend.</summary>
    public const string ForbiddenCode = "ATT0001";

    /// <summary>The policy requires another backend.</summary>
    public const string OtherRequiredCode = "ATT0002";

    /// <summary>The backend that the policy requires cannot run.</summary>
    public const string RequiredUnavailableCode = "ATT0003";

    /// <summary>No backend is left.</summary>
    public const string NoneLeftCode = "ATT0004";

    /// <summary>The policy's objection to a backend; null when there is none.</summary>
    /// <param name="backend">Backend's name.</param>
    /// <param name="policy">The policy.</param>
    public static Reason? Objection(string backend, Policy policy)
    {
        if (policy.Required is { } required && required != backend)
        {
            return new Reason(OtherRequiredCode, $"The policy requires {required}.", $"policy \"{policy}\"",
                $"a policy that allows {backend}", $"say \"prefer {required}\" instead of \"require {required}\"");
        }
        return policy.Forbidden.Contains(backend)
            ? new Reason(ForbiddenCode, $"The policy forbids {backend}.", $"policy \"{policy}\"",
                $"a policy that allows {backend}", $"leave out \"forbid {backend}\"")
            : null;
    }
}

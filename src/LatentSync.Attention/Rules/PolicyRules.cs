using LatentSync.Attention.Failures;
using LatentSync.Attention.Wording;

namespace LatentSync.Attention.Rules;

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
            return Reason.Of(language => new Reason(
                OtherRequiredCode,
                Finding.Of("The policy requires {0}.", required).In(language),
                Finding.Of("policy \"{0}\"", policy).In(language),
                Finding.Of("a policy that allows {0}", backend).In(language),
                Finding.Of("say \"prefer {0}\" instead of \"require {0}\"", required).In(language)
            )
            {
                Effort = RemedyEffort.Option,
            });
        }
        return policy.Forbidden.Contains(backend)
            ? Reason.Of(language => new Reason(
                ForbiddenCode,
                Finding.Of("The policy forbids {0}.", backend).In(language),
                Finding.Of("policy \"{0}\"", policy).In(language),
                Finding.Of("a policy that allows {0}", backend).In(language),
                Finding.Of("leave out \"forbid {0}\"", backend).In(language)
            )
            {
                Effort = RemedyEffort.Option,
            })
            : null;
    }
}

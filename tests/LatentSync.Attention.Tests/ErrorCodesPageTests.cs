using System.Text;
using LatentSync.Attention.Constraints;
using LatentSync.Testing;

namespace LatentSync.Attention.Tests;

/// <summary>docs/error-codes.md is made from the rules. LATENTSYNC_WRITE_DOCS=1 rewrites it.</summary>
public sealed class ErrorCodesPageTests
{
    [Fact]
    public void Page_Rules_Agree()
    {
        string path = Path.Combine(RepositoryRoot.Find(), "docs", "error-codes.md"), expected = Render();
        if (Environment.GetEnvironmentVariable("LATENTSYNC_WRITE_DOCS") == "1")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, expected);
        }
        Assert.Equal(expected, File.ReadAllText(path).ReplaceLineEndings("\n"));
    }

    [Fact]
    public void Codes_All_AreUniqueWellFormedAndSayWhatToDo()
    {
        Assert.Equal(AttentionRules.Codes.Count, AttentionRules.Codes.DistinctBy(code => code.Code).Count());
        Assert.All(AttentionRules.Codes, code =>
        {
            Assert.Matches("^ATT[0-9]{4}$", code.Code);
            Assert.EndsWith(".", code.Message, StringComparison.Ordinal);
            Assert.NotEmpty(code.Required);
            Assert.NotEmpty(code.Remedy);
            Assert.DoesNotContain("{0}", code.Message, StringComparison.Ordinal);
        });
    }

    private static string Render()
    {
        var page = new StringBuilder(
            """
            # Codes of the attention layer

            Made from the rules in `src/LatentSync.Attention/Constraints` by `ErrorCodesPageTests`; do not edit
            (`LATENTSYNC_WRITE_DOCS=1` rewrites it). A code never changes its meaning and is never used again. "Cured" means that the
            backend removes the obstacle itself and runs. `latentsync attention explain` shows the codes of a problem.

            | range | belongs to |
            |---|---|
            | ATT00nn | the policy |
            | ATT01nn | libtorch, device, driver, memory |
            | ATT02nn | `torch-flash`, on the CPU or anywhere |
            | ATT04nn | `torch-math` |
            | ATT08nn | `torch-flash` on CUDA |
            | ATT09nn | failures at run time |

            | code | backend | rule or event | required | remedy | source |
            |---|---|---|---|---|---|

            """.ReplaceLineEndings("\n"));
        foreach (CodeDescription code in AttentionRules.Codes)
        {
            string backends = string.Join(", ", code.Backends.Select(backend => $"`{backend}`"));
            string[] cells = [code.Code, backends, code.Message, code.Required, code.Remedy, code.Source];
            page.Append("| ").AppendJoin(" | ", cells.Select(cell => cell.Replace("|", "\\|", StringComparison.Ordinal).Replace("<", "&lt;", StringComparison.Ordinal)))
                .Append(" |\n");
        }
        return page.ToString();
    }
}

// A plugin of clang-tidy 14, which scripts/tidy builds and loads: the checks look at our code, and no longer at
// all that the headers of the system declare, of which nothing is ever reported. That was more than a quarter of
// its time.
#include <clang-tidy/ClangTidyCheck.h>
#include <clang-tidy/ClangTidyModule.h>
#include <clang-tidy/ClangTidyModuleRegistry.h>
#include <clang/ASTMatchers/ASTMatchFinder.h>

#include <vector>

namespace {

/// No check of its own: it is called for the whole unit before anything in it is visited, and says what is to be
/// visited.
class scope : public clang::tidy::ClangTidyCheck {
public:
  using ClangTidyCheck::ClangTidyCheck;

  void registerMatchers(clang::ast_matchers::MatchFinder* finder) override {
    finder->addMatcher(clang::ast_matchers::translationUnitDecl(), this);
  }

  void check(const clang::ast_matchers::MatchFinder::MatchResult& unit) override {
    std::vector<clang::Decl*> ours;
    for (auto* each : unit.Context->getTranslationUnitDecl()->decls())
      if (!unit.SourceManager->isInSystemHeader(each->getLocation()))
        ours.push_back(each);
    unit.Context->setTraversalScope(ours);
  }
};

class scope_module : public clang::tidy::ClangTidyModule {
public:
  void addCheckFactories(clang::tidy::ClangTidyCheckFactories& factories) override {
    factories.registerCheck<scope>("portcullis-scope");
  }
};

const clang::tidy::ClangTidyModuleRegistry::Add<scope_module> registered{"portcullis", "what the checks look at"};

} // namespace
